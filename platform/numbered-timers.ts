import type { Clock, Timer } from "../core/clock.js";

/** Timers told apart by numbers, as boards have them; the shape of the `Timers` of a CoAP endpoint. */
export class NumberedTimers {
  readonly #clock: Clock;
  readonly #running = new Map<number, Timer>();
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds since an arbitrary start. */
  nowMs(): number {
    return this.#clock.monotonicMs();
  }

  /** Runs `callback` once after `delayMs` milliseconds; returns a number, never 0, for {@link clear}. */
  set(delayMs: number, callback: () => void): number {
    const id = ++this.#last;
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#running.delete(id);
      callback();
    });
    this.#running.set(id, timer);
    return id;
  }

  /** Harmless when the timer already ran. */
  clear(id: number): void {
    this.#running.get(id)?.cancel();
    this.#running.delete(id);
  }

  /** Ends all timers. */
  clearAll(): void {
    for (const timer of this.#running.values()) timer.cancel();
    this.#running.clear();
  }
}
