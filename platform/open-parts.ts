import type { Clock } from "../core/clock.js";
import { reasonOf } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import { LATE, withDeadline } from "./deadline.js";

/** Longest time that closing one part may take. */
const CLOSE_LIMIT_MS = 6_000;

/** The parts that were opened, to be closed in reverse. */
export class OpenParts {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #parts: { readonly name: string; readonly part: { close(): void | Promise<void> } }[] = [];
  #closed: Promise<void> | undefined;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  add(name: string, part: { close(): void | Promise<void> }): void {
    this.#parts.push({ name, part });
  }

  /** Closes each part within a limited time; a failure is logged. */
  close(): Promise<void> {
    this.#closed ??= this.#closeAll();
    return this.#closed;
  }

  async #closeAll(): Promise<void> {
    for (const { name, part } of this.#parts.reverse()) {
      try {
        const outcome = await withDeadline(this.#clock, CLOSE_LIMIT_MS, Promise.resolve(part.close()));
        if (outcome === LATE) this.#logger.warn(`${name} did not close in time`);
      } catch (error) {
        this.#logger.warn(`${name} did not close well`, { reason: reasonOf(error) });
      }
    }
  }
}
