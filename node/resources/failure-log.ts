import type { Clock } from "../../core/clock.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";

/** Shortest time between two lines about the same thing, milliseconds. */
const INTERVAL_MS = 5_000;

/** Writes failures that may repeat quickly: the first at once, then at most one line per interval with their number. */
export class FailureLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #unwritten = 0;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Notes a failure of `what`. */
  add(what: string, error: unknown): void {
    this.#unwritten++;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lastMs < INTERVAL_MS) return;
    const code = error instanceof EdgelessError ? error.code : "EDGELESS_INTERNAL";
    this.#logger.warn(`${what}: ${reasonOf(error)}`, { code, failures: this.#unwritten });
    this.#lastMs = nowMs;
    this.#unwritten = 0;
  }
}
