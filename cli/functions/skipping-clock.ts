import type { Clock, Timer } from "../../core/clock.js";
import { EdgelessError } from "../../core/errors.js";

interface Entry {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Longest work without a pause, in real milliseconds. */
const BUSY_MS = 10_000;

/**
 * A clock for one function under observation: between events it stands still, and waiting is skipped, so that a delay of
 * an hour takes no time. While a callback runs it goes on as the real one does: limits on run time hold.
 */
export class SkippingClock implements Clock {
  #nowMs = 0;
  #order = 0;
  #enteredMs: number | undefined;
  readonly #startMs = Date.now();
  readonly #entries = new Set<Entry>();
  readonly #busyMs: number;

  /** @param busyMs how long callbacks may go on at one time, in real milliseconds */
  constructor(busyMs = BUSY_MS) {
    this.#busyMs = busyMs;
  }

  /** Milliseconds that were skipped since the start. */
  get skippedMs(): number {
    return this.#nowMs;
  }

  /** Callbacks that wait for their time. */
  get waiting(): number {
    return this.#entries.size;
  }

  wallMs(): number {
    return this.#startMs + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#enteredMs === undefined ? this.#nowMs : this.#nowMs + performance.now() - this.#enteredMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const entry = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#entries.add(entry);
    return { cancel: () => void this.#entries.delete(entry) };
  }

  /**
   * Runs everything that is due now.
   * @throws EdgelessError EDGELESS_FUNCTION_OUT_OF_TIME when there is no end to it
   */
  settle(): Promise<void> {
    return this.advance(0);
  }

  /**
   * Skips `ms` milliseconds and runs what falls due, in order.
   * @throws EdgelessError EDGELESS_FUNCTION_OUT_OF_TIME when there is no end to what falls due at one time
   */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    let busySinceMs = performance.now();
    for (let entry = this.#next(untilMs); entry !== undefined; entry = this.#next(untilMs)) {
      this.#entries.delete(entry);
      if (entry.dueMs > this.#nowMs) {
        this.#nowMs = entry.dueMs;
        busySinceMs = performance.now();
      } else if (performance.now() - busySinceMs > this.#busyMs) {
        throw new EdgelessError(
          "EDGELESS_FUNCTION_OUT_OF_TIME",
          `the function was busy for ${this.#busyMs / 1000} s without waiting for anything`,
        );
      }
      this.#run(entry);
      // Promises settle, and signals arrive.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#nowMs = untilMs;
  }

  #run({ callback }: Entry): void {
    this.#enteredMs = performance.now();
    try {
      callback();
    } finally {
      this.#enteredMs = undefined;
    }
  }

  #next(untilMs: number): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of this.#entries) {
      if (entry.dueMs > untilMs) continue;
      if (first === undefined || entry.dueMs < first.dueMs) first = entry;
      else if (entry.dueMs === first.dueMs && entry.order < first.order) first = entry;
    }
    return first;
  }
}
