import type { DomainRegistrationApi, DomainUpdate } from "../../core/api.js";
import { NO_DOMAIN_CAPABILITIES } from "../../core/capabilities.js";
import type { Clock, Timer } from "../../core/clock.js";
import { reasonOf } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import type { DomainReport } from "./domain-report.js";
import { isSmall, readByReference } from "./offer-bounds.js";

/** Least time between two updates that changes bring about. */
const CHANGE_INTERVAL_MS = 100;
/** Updates under way at most; a controller that does not answer gets no more. */
const MOST_UNDER_WAY = 16;

/** To tell changes, and what is offered, takes at most one part in so many of the time, however large the domain is. */
const CHANGE_SHARE = 5;
const OFFER_SHARE = 20;

/** What a subscriber needs. */
export interface DomainSubscriberOptions {
  readonly register: DomainRegistrationApi;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Period of the updates; each is valid for two periods. */
  readonly intervalMs: number;
  /** @param hasOffer false: capabilities and nodes, which take time to work out, may be left out */
  readonly report: (hasOffer: boolean) => DomainReport;
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
  /** Whether the ε-CON reads more than one of the reference does. */
  #reader: "unknown" | "project" | "reference" = "unknown";
  /** The offer that the ε-CON keeps. */
  #kept: Pick<DomainReport, "nonce" | "counter"> | undefined;
  /** An offer that changed waits for its time. */
  #isWithheld = false;
  #nextOfferMs = Number.NEGATIVE_INFINITY;
  /** How long the last update kept the process busy. */
  #lastTookMs = 0;
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
    this.#sendSoon();
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
      await register.updateDomain({ ...report(false), refreshDeadline: 0n });
    } catch (error) {
      logger.debug("the controller was not told of the end", { reason: reasonOf(error) });
    }
  }

  #sendSoon(): void {
    const { clock } = this.#options;
    if (this.#isClosed || this.#underWay > 0 || !(this.#isChanged || this.#isWithheld)) return;
    const changeMs = this.#lastSentMs + Math.max(CHANGE_INTERVAL_MS, CHANGE_SHARE * this.#lastTookMs);
    const isOffer = !this.#isChanged || this.#kept === undefined;
    const dueMs = isOffer ? Math.max(changeMs, this.#nextOfferMs) : changeMs;
    this.#changeTimer?.cancel();
    this.#changeTimer = clock.setTimer(Math.max(0, dueMs - clock.monotonicMs()), () => {
      this.#changeTimer = undefined;
      if (!this.#isClosed && this.#underWay === 0) void this.#send();
    });
  }

  async #send(): Promise<void> {
    const { clock, sequence, onReset } = this.#options;
    const mark = sequence();
    const startedMs = clock.monotonicMs();
    this.#lastSentMs = startedMs;
    this.#isChanged = false;
    this.#isWithheld = false;
    this.#underWay++;
    try {
      const update = this.#nextUpdate(startedMs);
      const answered = this.#options.register.updateDomain(update);
      this.#lastTookMs = clock.monotonicMs() - startedMs;
      if (update.isSameOffer !== true) this.#nextOfferMs = startedMs + OFFER_SHARE * this.#lastTookMs;
      const result = await answered;
      if (this.#isClosed) return;
      if (!result.ok) this.#note(false, `${result.error.summary} ${result.error.detail ?? ""}`.trim());
      else {
        this.#note(true, "");
        this.#learn(update, result.value.keepsOffer === true);
        if (result.value.reset) onReset(mark);
      }
    } catch (error) {
      this.#note(false, reasonOf(error));
    } finally {
      this.#underWay--;
      this.#sendSoon();
    }
  }

  /** Leaves out what the ε-CON keeps, or does not read. */
  #nextUpdate(nowMs: number): DomainUpdate {
    const { clock, intervalMs, report } = this.#options;
    const refreshDeadline = BigInt(Math.ceil((clock.wallMs() + 2 * intervalMs) / 1000));
    if (this.#kept !== undefined) {
      const { nodes: _nodes, ...rest } = report(false);
      const isNew = this.#kept.counter !== rest.counter;
      if (this.#kept.nonce === rest.nonce && (!isNew || nowMs < this.#nextOfferMs)) {
        this.#isWithheld = isNew;
        const kept = { capabilities: NO_DOMAIN_CAPABILITIES, counter: this.#kept.counter, isSameOffer: true };
        return { ...rest, ...kept, refreshDeadline };
      }
    }
    const full = report(true);
    const isRead = this.#reader === "project" || (this.#reader === "unknown" && isSmall(full));
    return { ...(isRead ? full : readByReference(full)), refreshDeadline };
  }

  /** What the answer to an update tells about the ε-CON. */
  #learn(update: DomainUpdate, keepsOffer: boolean): void {
    const isComplete = update.nodes !== undefined;
    if (update.isSameOffer === true) {
      if (keepsOffer) return;
      // It is another process, or another make.
      this.#kept = undefined;
      this.#reader = "unknown";
      this.#nextOfferMs = Number.NEGATIVE_INFINITY;
      this.#isChanged = true;
      return;
    }
    this.#reader = keepsOffer ? "project" : "reference";
    const { nonce, counter } = update;
    this.#kept = keepsOffer && isComplete ? { nonce, counter } : undefined;
    if (keepsOffer && !isComplete) {
      this.#nextOfferMs = Number.NEGATIVE_INFINITY;
      this.#isChanged = true;
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
