import type { Clock, Timer } from "../../core/clock.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import type { Event } from "../../core/event.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import { type RetryPolicy, RetrySchedule } from "../../core/retry-schedule.js";
import type { DataPlaneSettings } from "./data-plane-settings.js";
import type { LossReason } from "./loss-reason.js";
import { PeerQueue, type QueuedEvent } from "./peer-queue.js";

/** A connection to the data plane of a peer; it is made at the first event and repaired by itself. */
export interface PeerConnection {
  /** @throws EdgelessError EDGELESS_UNREACHABLE, EDGELESS_TIMEOUT, EDGELESS_BAD_MESSAGE or EDGELESS_REJECTED */
  handle(event: Event): Promise<void>;
  close(): void;
}

/** Makes a connection to the invocation URL of a peer without waiting for it. */
export type ConnectPeer = (invocationUrl: string) => PeerConnection;

/** Told of events that will not be delivered. */
export type OnLost = (events: readonly Event[], reason: LossReason) => void;

/** What a {@link PeerLink} works with. */
export interface PeerLinkParts {
  readonly connect: ConnectPeer;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: DataPlaneSettings;
  readonly onLost: OnLost;
}

/** Pauses between attempts to reach a peer that cannot be reached. */
const RECONNECT: RetryPolicy = { initialMs: 50, factor: 2, maximumMs: 1_000, jitter: 0.3 };

/**
 * The way to one peer: a bounded queue, a limited number of events in flight and a connection that recovers.
 *
 * While the peer cannot be reached, events wait up to the configured age. An event whose connection breaks before the
 * peer has acknowledged it is sent again, so it may arrive twice; one that ran into its deadline is not.
 */
export class PeerLink {
  readonly #parts: PeerLinkParts;
  readonly #queue: PeerQueue;
  readonly #schedule: RetrySchedule;
  /** Who wants to know when an event is settled, see `SendEvent`. */
  readonly #unsettled = new Map<Event, () => void>();
  #url: string;
  #connection: PeerConnection;
  #inFlight = 0;
  #retryTimer: Timer | undefined;
  #closed = false;
  #onDrained: (() => void) | undefined;

  constructor(invocationUrl: string, parts: PeerLinkParts) {
    this.#parts = parts;
    this.#url = invocationUrl;
    this.#queue = new PeerQueue({ events: parts.settings.queueEvents, payload: parts.settings.queuePayload });
    this.#schedule = new RetrySchedule(RECONNECT, parts.random);
    this.#connection = parts.connect(invocationUrl);
  }

  get url(): string {
    return this.#url;
  }

  /** Events that wait or are in flight. */
  get length(): number {
    return this.#queue.length;
  }

  /** Takes an event; it is reported as lost when it can not be delivered. See `SendEvent` for `settled`. */
  send(event: Event, settled?: () => void): void {
    const queued = { event, sinceMs: this.#parts.clock.monotonicMs() };
    const isTaken = this.#queue.push(queued);
    if (settled !== undefined) {
      if (isTaken && this.#schedule.failures === 0) this.#unsettled.set(event, settled);
      else settled();
    }
    if (isTaken) this.#pump();
    else this.#parts.onLost([event], "peer-queue-full");
  }

  /** The peer announced itself again: uses its new URL, or tries the same one at once when it was unreachable. */
  renew(invocationUrl: string): void {
    if (invocationUrl === this.#url && this.#schedule.failures === 0) return;
    const former = this.#connection;
    this.#connection = this.#parts.connect(invocationUrl);
    this.#url = invocationUrl;
    former.close();
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    this.#schedule.reset();
    this.#pump();
  }

  /** Resolves when nothing waits or is in flight any more. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained = resolve;
      this.#noteDrained();
    });
  }

  /**
   * Ends the link; what still waits is reported as lost.
   * @param isEnd true: all ends, and nobody is told that an event is settled
   */
  close(reason: LossReason, isEnd = false): void {
    this.#closed = true;
    if (isEnd) this.#unsettled.clear();
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    this.#connection.close();
    this.#lose(this.#queue.clear(), reason);
  }

  #pump(): void {
    while (!this.#closed && this.#retryTimer === undefined && this.#inFlight < this.#window()) {
      const queued = this.#queue.take();
      if (queued === undefined) return;
      if (queued.sinceMs < this.#oldestAllowedMs()) {
        this.#queue.done(queued);
        this.#lose([queued.event], "peer-unreachable");
      } else {
        void this.#transfer(queued);
      }
    }
  }

  /** One event probes a peer that could not be reached; the others follow when it got through. */
  #window(): number {
    return this.#schedule.failures > 0 ? 1 : this.#parts.settings.inFlight;
  }

  async #transfer(queued: QueuedEvent): Promise<void> {
    const connection = this.#connection;
    this.#inFlight++;
    try {
      await connection.handle(queued.event);
      this.#settle(queued.event);
      this.#queue.done(queued);
      if (connection === this.#connection) this.#reached();
    } catch (error) {
      this.#failed(queued, connection, error);
    } finally {
      this.#inFlight--;
      this.#pump();
      this.#noteDrained();
    }
  }

  #failed(queued: QueuedEvent, connection: PeerConnection, error: unknown): void {
    if (this.#closed) return;
    const code = error instanceof EdgelessError ? error.code : "EDGELESS_INTERNAL";
    if (code === "EDGELESS_UNREACHABLE") {
      this.#queue.retry(queued);
      if (connection === this.#connection) this.#pause(error);
      return;
    }
    this.#queue.done(queued);
    this.#parts.logger.debug("peer did not take an event", {
      peer: this.#url,
      code,
      reason: reasonOf(error),
    });
    this.#lose([queued.event], code === "EDGELESS_TIMEOUT" ? "peer-unreachable" : "unknown-instance");
  }

  #reached(): void {
    if (this.#schedule.failures === 0) return;
    this.#schedule.reset();
    this.#parts.logger.info("peer is reachable again", { peer: this.#url, waiting: this.#queue.length });
  }

  #pause(error: unknown): void {
    if (this.#retryTimer !== undefined) return;
    if (this.#schedule.failures === 0) {
      this.#parts.logger.warn("peer is unreachable", { peer: this.#url, reason: reasonOf(error) });
    }
    for (const event of [...this.#unsettled.keys()]) this.#settle(event);
    this.#retryTimer = this.#parts.clock.setTimer(this.#schedule.nextMs(), () => {
      this.#retryTimer = undefined;
      this.#lose(this.#queue.expire(this.#oldestAllowedMs()), "peer-unreachable");
      this.#pump();
    });
  }

  #noteDrained(): void {
    if (this.#queue.length === 0) this.#onDrained?.();
  }

  #oldestAllowedMs(): number {
    return this.#parts.clock.monotonicMs() - this.#parts.settings.queueAgeMs;
  }

  #lose(events: readonly Event[], reason: LossReason): void {
    if (events.length > 0) this.#parts.onLost(events, reason);
    for (const event of events) this.#settle(event);
  }

  #settle(event: Event): void {
    const settled = this.#unsettled.get(event);
    this.#unsettled.delete(event);
    settled?.();
  }
}
