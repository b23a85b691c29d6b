import type { Clock, Timer } from "../core/clock.js";

interface HandOver {
  readonly done: () => void;
  /** Monotonic milliseconds. */
  readonly untilMs: number;
}

/** What waits for an outcome, all for the same time at most; one timer serves them all. */
export class HandOvers {
  readonly #clock: Clock;
  readonly #waitMs: number;
  /** The oldest first. */
  readonly #waiting = new Set<HandOver>();
  #timer: Timer | undefined;

  /** @param waitMs longest wait, milliseconds */
  constructor(clock: Clock, waitMs: number) {
    this.#clock = clock;
    this.#waitMs = waitMs;
  }

  /**
   * Begins to wait.
   * @param done runs once: when what this returns is called, or after the longest wait
   */
  begin(done: () => void): () => void {
    const handOver = { done, untilMs: this.#clock.monotonicMs() + this.#waitMs };
    this.#waiting.add(handOver);
    this.#timer ??= this.#clock.setTimer(this.#waitMs, () => this.#expire());
    return () => {
      if (this.#waiting.delete(handOver)) done();
    };
  }

  /** Forgets what waits. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#waiting.clear();
  }

  #expire(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (const handOver of this.#waiting) {
      if (handOver.untilMs > nowMs) {
        this.#timer = this.#clock.setTimer(handOver.untilMs - nowMs, () => this.#expire());
        return;
      }
      this.#waiting.delete(handOver);
      handOver.done();
    }
  }
}
