import type { Clock } from "../core/clock.js";
import type { Logger } from "../core/log.js";

/** Refusals that are written down in one window; the metrics count all. */
const MOST = 20;
const WINDOW_MS = 60_000;

/** Writes down who was refused, but not so often that a host which asks all the time fills the disk. */
export class RefusalLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #sinceMs = Number.NEGATIVE_INFINITY;
  #written = 0;
  #left = 0;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  add(fields: Readonly<Record<string, string | number>>): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#sinceMs >= WINDOW_MS) {
      if (this.#left > 0) this.#logger.warn("more devices were not registered", { count: this.#left });
      this.#sinceMs = nowMs;
      this.#written = 0;
      this.#left = 0;
    }
    if (this.#written >= MOST) {
      this.#left++;
      return;
    }
    this.#written++;
    this.#logger.warn("a device was not registered", fields);
  }
}
