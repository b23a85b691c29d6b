import type { DomainRegistrationApi, DomainUpdate } from "../../core/api.js";
import type { Clock, Timer } from "../../core/clock.js";
import { reasonOf } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";

/** Least time between two updates that changes bring about. */
const CHANGE_INTERVAL_MS = 100;
/** Updates under way at most; a controller that does not answer gets no more. */
const MOST_UNDER_WAY = 16;

/** What an ε-ORC tells about itself, apart from the deadline. */
export type DomainReport = Omit<DomainUpdate, "refreshDeadline">;

/** What a subscriber needs. */
export interface DomainSubscriberOptions {
  readonly register: DomainRegistrationApi;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Period of the updates; each is valid for two periods. */
  readonly intervalMs: number;
  readonly report: () => DomainReport;
  /** A mark that grows with each accepted component. */
  readonly sequence: () => number;
  /** The ε-CON wants everything dropped that was accepted up to the mark taken before the question. */
  readonly onReset: (sequence: number) => void;
}

/**
 * Keeps a domain registered with its ε-CON: at once, periodically, and soon after a change. An order to reset counts
 * for what was accepted before the update was sent, even when its answer is late: what the ε-CON starts afterwards
 * stays, whichever message overtakes the other.
 */
export class DomainSubscriber {
  readonly #options: DomainSubscriberOptions;
  #timer: Timer | undefined;
  #changeTimer: Timer | undefined;
  #lastSentMs = Number.NEGATIVE_INFINITY;
  #underWay = 0;
  #isChanged = false;
  #wasReached: boolean | undefined;
  #isClosed = false;

  constructor(options: DomainSubscriberOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, intervalMs } = this.#options;
    if (this.#isClosed) return;
    this.#timer = clock.setTimer(intervalMs, () => this.start());
    if (this.#underWay < MOST_UNDER_WAY) void this.#send();
  }

  /** What the ε-CON should know changed. */
  changed(): void {
    if (this.#isClosed) return;
    this.#isChanged = true;
    if (this.#changeTimer !== undefined || this.#underWay > 0) return;
    const { clock } = this.#options;
    const waitMs = Math.max(0, this.#lastSentMs + CHANGE_INTERVAL_MS - clock.monotonicMs());
    this.#changeTimer = clock.setTimer(waitMs, () => {
      this.#changeTimer = undefined;
      if (!this.#isClosed && this.#isChanged && this.#underWay === 0) void this.#send();
    });
  }

  /** Stops the updates. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#changeTimer?.cancel();
  }

  /** Tells the ε-CON that the domain is gone, with a deadline in the past. */
  async farewell(): Promise<void> {
    const { register, report, logger } = this.#options;
    try {
      await register.updateDomain({ ...report(), refreshDeadline: 0n });
    } catch (error) {
      logger.debug("the controller was not told of the end", { reason: reasonOf(error) });
    }
  }

  async #send(): Promise<void> {
    const { register, clock, intervalMs, report, sequence, onReset } = this.#options;
    const mark = sequence();
    const refreshDeadline = BigInt(Math.ceil((clock.wallMs() + 2 * intervalMs) / 1000));
    this.#lastSentMs = clock.monotonicMs();
    this.#isChanged = false;
    this.#underWay++;
    try {
      const result = await register.updateDomain({ ...report(), refreshDeadline });
      if (this.#isClosed) return;
      if (!result.ok) this.#note(false, `${result.error.summary} ${result.error.detail ?? ""}`.trim());
      else {
        this.#note(true, "");
        if (result.value.reset) onReset(mark);
      }
    } catch (error) {
      this.#note(false, reasonOf(error));
    } finally {
      this.#underWay--;
      if (this.#isChanged) this.changed();
    }
  }

  /** Speaks only when the relation to the ε-CON changes. */
  #note(isReached: boolean, reason: string): void {
    if (this.#wasReached === isReached || this.#isClosed) return;
    this.#wasReached = isReached;
    const { logger } = this.#options;
    if (isReached) logger.info("registered with the controller");
    else logger.warn("not registered with the controller, trying on", { reason });
  }
}
