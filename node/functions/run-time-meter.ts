import type { Clock } from "../../core/clock.js";
import { EdgelessError } from "../../core/errors.js";
import type { FuelMeter } from "../../toolchain/engine/fuel-meter.js";

/** Fuel between two looks at the clock: well under a millisecond of run time. */
const FUEL_SLICE = 100_000;

/**
 * Bounds the run time of one handler. The guest burns fuel; each time a slice is used up the clock decides. Time in
 * which the handler is suspended does not count.
 */
export class RunTimeMeter implements FuelMeter {
  readonly #clock: Clock;
  readonly #maximumMs: number;
  #usedMs = 0;
  #enteredMs = 0;
  #isFresh = true;

  constructor(clock: Clock, maximumMs: number) {
    this.#clock = clock;
    this.#maximumMs = maximumMs;
  }

  /** A new handler begins, now. */
  begin(nowMs: number): void {
    this.#usedMs = 0;
    this.#enteredMs = nowMs;
  }

  /** The handler was suspended. */
  pause(): void {
    this.#usedMs += this.#clock.monotonicMs() - this.#enteredMs;
  }

  /** The handler goes on. */
  proceed(): void {
    this.#enteredMs = this.#clock.monotonicMs();
  }

  /** One of the stretches of a handler begins: an input is allocated, it runs, it is resumed. All count together. */
  start(): void {
    this.#isFresh = true;
  }

  /**
   * A slice of fuel is used up.
   * @returns the next slice
   * @throws EdgelessError EDGELESS_FUNCTION_OUT_OF_TIME
   */
  exhausted(): number {
    // The first slice of a stretch is free of a look at the clock: most stretches need no other.
    if (this.#isFresh) {
      this.#isFresh = false;
      return FUEL_SLICE;
    }
    const usedMs = this.#usedMs + this.#clock.monotonicMs() - this.#enteredMs;
    if (usedMs <= this.#maximumMs) return FUEL_SLICE;
    throw new EdgelessError(
      "EDGELESS_FUNCTION_OUT_OF_TIME",
      `the handler did not end within ${this.#maximumMs} ms of run time`,
    );
  }
}
