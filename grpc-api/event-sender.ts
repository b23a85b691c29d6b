import { BoundedQueue } from "../core/bounded-queue.js";
import type { Clock } from "../core/clock.js";
import { EdgelessError } from "../core/errors.js";
import type { PeerConnection } from "./connection.js";
import { handleAllMethod } from "./event-batch.js";
import { handleMethod } from "./invocation-method.js";
import { isUnimplemented } from "./status.js";

/** Most that one batch carries; a larger event travels alone. */
const BATCH_EVENTS = 256;
const BATCH_BYTES = 256 * 1024;
/**
 * Most bytes of single events in flight: half of the smallest HTTP/2 window (RFC 9113 section 6.9.2). Below it no event
 * waits for the window, so none can be overtaken.
 */
const SINGLES_BYTES = 32 * 1024;
/** Most events that wait here for those in flight. */
const WAITING_EVENTS = 16_384;

interface Entry {
  readonly bytes: Uint8Array;
  /** Monotonic milliseconds. */
  readonly untilMs: number;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Puts encoded events on the wire in the order in which they were given, without waiting for the answer to one before
 * sending the next: what is given while a request is in flight goes together in the next one, in a batch. To a peer that
 * knows no batches the events go one by one, several in flight.
 */
export class EventSender {
  readonly #peer: PeerConnection;
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  readonly #waiting = new BoundedQueue<Entry>(WAITING_EVENTS);
  /** Taken out of the queue, but still to be sent, before what is in the queue. */
  #next: Entry[] = [];
  #inFlight = 0;
  #bytesInFlight = 0;
  #batches = true;

  constructor(peer: PeerConnection, clock: Clock, deadlineMs: number) {
    this.#peer = peer;
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
  }

  /** Resolves when the peer took the event. */
  send(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const untilMs = this.#clock.monotonicMs() + this.#deadlineMs;
      if (this.#waiting.push({ bytes, untilMs, resolve, reject })) this.#pump();
      else reject(new EdgelessError("EDGELESS_UNREACHABLE", "too many events wait for the peer"));
    });
  }

  #pump(): void {
    for (let first = this.#take(); first !== undefined; first = this.#take()) {
      if (!this.#fits(first)) {
        this.#next.unshift(first);
        return;
      }
      if (this.#batches) this.#sendTogether(this.#gather(first));
      else this.#transfer([first], (deadlineMs) => this.#sendOne(first, deadlineMs));
    }
  }

  #fits({ bytes }: Entry): boolean {
    if (this.#inFlight === 0) return true;
    return !this.#batches && this.#bytesInFlight + bytes.length <= SINGLES_BYTES;
  }

  /** The next event that still has time. */
  #take(): Entry | undefined {
    for (;;) {
      const entry = this.#next.shift() ?? this.#waiting.shift();
      if (entry === undefined || entry.untilMs > this.#clock.monotonicMs()) return entry;
      entry.reject(new EdgelessError("EDGELESS_TIMEOUT", "an event waited too long for the peer"));
    }
  }

  #gather(first: Entry): Entry[] {
    const entries = [first];
    let bytes = first.bytes.length;
    while (entries.length < BATCH_EVENTS) {
      const entry = this.#take();
      if (entry === undefined) break;
      bytes += entry.bytes.length;
      if (bytes > BATCH_BYTES) {
        this.#next.unshift(entry);
        break;
      }
      entries.push(entry);
    }
    return entries;
  }

  #sendTogether(entries: readonly Entry[]): void {
    const [only] = entries;
    if (entries.length === 1 && only !== undefined) {
      this.#transfer(entries, (deadlineMs) => this.#sendOne(only, deadlineMs));
    } else {
      this.#transfer(entries, (deadlineMs) => this.#sendBatch(entries, deadlineMs));
    }
  }

  /** Accounts for a request and settles its events when it failed as a whole. */
  #transfer(entries: readonly Entry[], request: (deadlineMs: number) => Promise<void>): void {
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes.length, 0);
    const untilMs = Math.min(...entries.map((entry) => entry.untilMs));
    this.#inFlight++;
    this.#bytesInFlight += bytes;
    request(untilMs - this.#clock.monotonicMs())
      .catch((error: unknown) => {
        for (const entry of entries) entry.reject(error);
      })
      .finally(() => {
        this.#inFlight--;
        this.#bytesInFlight -= bytes;
        this.#pump();
      });
  }

  async #sendOne(entry: Entry, deadlineMs: number): Promise<void> {
    await this.#peer.callRaw(handleMethod.path, entry.bytes, deadlineMs);
    entry.resolve();
  }

  async #sendBatch(entries: readonly Entry[], deadlineMs: number): Promise<void> {
    const request = handleAllMethod.request.encode(entries.map((entry) => entry.bytes));
    let answer: Uint8Array;
    try {
      answer = await this.#peer.callRaw(handleAllMethod.path, request, deadlineMs);
    } catch (error) {
      if (!isUnimplemented(error)) throw error;
      this.#batches = false;
      this.#next = [...entries, ...this.#next];
      return;
    }
    const refused = handleAllMethod.answer.decode(answer);
    entries.forEach((entry, index) => {
      const reason = refused.get(index);
      if (reason === undefined) entry.resolve();
      else entry.reject(new EdgelessError("EDGELESS_REJECTED", `the peer refused an event: ${reason}`));
    });
  }
}
