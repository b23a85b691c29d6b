import type { Pins } from "../embedded/hardware.js";

/** Pulses on an output. */
export interface Pulse {
  /** How much of the time the pin is high, 0 to 1. */
  readonly part: number;
  /** Hertz. */
  readonly frequency: number;
}

interface Pin {
  level: number;
  analog: number;
  pulse: Pulse | undefined;
  readonly watchers: Set<(level: number) => void>;
}

/** Pins of an emulated board: whoever emulates the world around it sets inputs and looks at outputs. */
export class EmulatedPins implements Pins {
  readonly #pins = new Map<string, Pin>();

  input(pin: string, pull: string): void {
    if (!this.#pins.has(pin)) this.#pin(pin).level = pull === "up" ? 1 : 0;
  }

  read(pin: string): number {
    return this.#pin(pin).level;
  }

  write(pin: string, level: number): void {
    const state = this.#pin(pin);
    state.level = level;
    state.pulse = undefined;
  }

  pulse(pin: string, part: number, frequency: number): void {
    this.#pin(pin).pulse = { part, frequency };
  }

  /** The pulses on an output; undefined: none. */
  pulseOf(pin: string): Pulse | undefined {
    return this.#pin(pin).pulse;
  }

  watch(pin: string, changed: (level: number) => void): () => void {
    const { watchers } = this.#pin(pin);
    watchers.add(changed);
    return () => void watchers.delete(changed);
  }

  analog(pin: string): number {
    return this.#pin(pin).analog;
  }

  /** Puts a level on an input, as a button does. */
  set(pin: string, level: number): void {
    const state = this.#pin(pin);
    if (state.level === level) return;
    state.level = level;
    for (const changed of [...state.watchers]) changed(level);
  }

  /** Puts a voltage on an input, as a part of the reference voltage, 0 to 1. */
  setAnalog(pin: string, value: number): void {
    this.#pin(pin).analog = Math.min(1, Math.max(0, value));
  }

  /** Names of all pins that were used, for views. */
  names(): string[] {
    return [...this.#pins.keys()];
  }

  #pin(name: string): Pin {
    let pin = this.#pins.get(name);
    if (pin === undefined) {
      pin = { level: 0, analog: 0, pulse: undefined, watchers: new Set() };
      this.#pins.set(name, pin);
    }
    return pin;
  }
}
