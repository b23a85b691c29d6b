import type { Message } from "../coap-api/coap/message.js";
import type { Failure, OutgoingRequest } from "../coap-api/endpoint/exchange.js";
import type { Clock, Timer } from "../core/clock.js";
import type { Random } from "../core/random.js";
import { type RetryPolicy, RetrySchedule } from "../core/retry-schedule.js";

/** A request to a device and what is done with its outcome. */
export interface Work {
  readonly request: OutgoingRequest;
  /** Takes the response, or the reason why there is none; "pause" when the device is not to be asked again at once. */
  readonly done: (response: Message | undefined, failure: Failure | undefined) => "pause" | undefined;
}

/** What a {@link DeviceLink} works with. */
export interface DeviceLinkParts {
  readonly send: (
    request: OutgoingRequest,
    done: (response: Message | undefined, failure: Failure | undefined) => void,
  ) => void;
  /** The next thing to send; undefined: nothing now. */
  readonly next: () => Work | undefined;
  /** When {@link next} may have something again by itself, monotonic milliseconds; undefined: not by itself. */
  readonly nextMs: () => number | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** A response within this time needed no repetition and tells the round-trip time, milliseconds. */
  readonly ackTimeoutMs: number;
}

/** Pauses after requests without an answer. */
const RETRY: RetryPolicy = { initialMs: 1_000, factor: 2, maximumMs: 30_000, jitter: 0.3 };
/** Weight of a new measurement in the average. */
const NEW_WEIGHT = 1 / 8;

/** Sends what there is for one device, one request at a time, and pauses while the device does not answer. */
export class DeviceLink {
  readonly #parts: DeviceLinkParts;
  readonly #schedule: RetrySchedule;
  #isBusy = false;
  #isClosed = false;
  #timer: Timer | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  #roundTripMs: number | undefined;
  #requests = 0;
  #unanswered = 0;

  constructor(parts: DeviceLinkParts) {
    this.#parts = parts;
    this.#schedule = new RetrySchedule(RETRY, parts.random);
  }

  /** Average of the exchanges that needed no repetition; undefined before the first. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Requests sent so far. */
  get requests(): number {
    return this.#requests;
  }

  /** Requests without an answer so far. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** Sends what there is to send now. */
  pump(): void {
    if (this.#isBusy || this.#isClosed || this.#isPaused()) return;
    const work = this.#parts.next();
    if (work === undefined) this.#sleep();
    else this.#carryOut(work);
  }

  /** The device was heard of: no reason to wait any longer. */
  heard(): void {
    if (!this.#isPaused()) return;
    this.#schedule.reset();
    this.#parts.clock.setTimer(0, () => this.pump());
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #isPaused(): boolean {
    return this.#schedule.failures > 0 && this.#timer !== undefined;
  }

  #carryOut(work: Work): void {
    const { clock, send, ackTimeoutMs } = this.#parts;
    this.#isBusy = true;
    this.#requests++;
    this.#wakeAt(undefined);
    const startMs = clock.monotonicMs();
    send(work.request, (response, failure) => {
      this.#isBusy = false;
      const tookMs = clock.monotonicMs() - startMs;
      if (response !== undefined) {
        this.#schedule.reset();
        if (tookMs < ackTimeoutMs) this.#measured(tookMs);
      } else this.#unanswered++;
      const wish = work.done(response, failure);
      if (wish === "pause" || (failure !== undefined && failure !== "closed")) this.#pause();
      // From the queue of the endpoint: a response that comes at once must not nest the next exchange.
      else queueMicrotask(() => this.pump());
    });
  }

  #pause(): void {
    if (this.#isClosed) return;
    this.#wakeAt(this.#parts.clock.monotonicMs() + this.#schedule.nextMs());
  }

  #sleep(): void {
    this.#wakeAt(this.#parts.nextMs());
  }

  #wakeAt(atMs: number | undefined): void {
    if (atMs === this.#timerMs && this.#timer !== undefined) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (atMs === undefined || this.#isClosed) return;
    const { clock } = this.#parts;
    this.#timerMs = atMs;
    this.#timer = clock.setTimer(Math.max(1, atMs - clock.monotonicMs()), () => {
      this.#timer = undefined;
      this.pump();
    });
  }

  #measured(tookMs: number): void {
    const former = this.#roundTripMs ?? tookMs;
    this.#roundTripMs = former + (tookMs - former) * NEW_WEIGHT;
  }
}
