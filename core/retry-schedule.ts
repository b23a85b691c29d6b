import { type Random, uniform } from "./random.js";

/** How long to wait between tries: exponential with a cap, spread by a jitter. */
export interface RetryPolicy {
  readonly initialMs: number;
  readonly factor: number;
  readonly maximumMs: number;
  /** Part of each interval that is drawn at random, 0 to 1. */
  readonly jitter: number;
}

/** Yields the waiting times of a {@link RetryPolicy}, one per failure. */
export class RetrySchedule {
  readonly #policy: RetryPolicy;
  readonly #random: Random;
  #failures = 0;

  constructor(policy: RetryPolicy, random: Random) {
    this.#policy = policy;
    this.#random = random;
  }

  /** Failures in a row so far. */
  get failures(): number {
    return this.#failures;
  }

  /** Counts one more failure and returns how many milliseconds to wait before the next try. */
  nextMs(): number {
    const { initialMs, factor, maximumMs, jitter } = this.#policy;
    const full = Math.min(maximumMs, initialMs * factor ** this.#failures);
    this.#failures++;
    return full * (1 - jitter * uniform(this.#random));
  }

  /** Forgets the failures: the last try succeeded. */
  reset(): void {
    this.#failures = 0;
  }
}
