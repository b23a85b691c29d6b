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
/** Most bytes of single events that are under way or wait for their turn. */
const SINGLES_BYTES = 256 * 1024;
/** Most events that wait here for those in flight. */
const WAITING_EVENTS = 16_384;

const WAITED_TOO_LONG = "an event waited too long for the peer";

interface Entry {
  readonly bytes: Uint8Array;
  /** Events of one lane keep their order. */
  readonly lane: string;
  /** Monotonic milliseconds. */
  readonly untilMs: number;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Puts encoded events on the wire in the order in which they were given, without waiting for the answer to one before
 * sending the next: what is given while a request is in flight goes together in the next one, in a batch. To a peer that
 * knows no batches the events go one by one, those of different lanes at the same time: a Rust node handles requests on
 * several threads, and two in flight may change places there.
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
  /** Settles when the last event so far of a lane is over; fails when the peer cannot be reached. */
  readonly #lanes = new Map<string, Promise<void>>();

  constructor(peer: PeerConnection, clock: Clock, deadlineMs: number) {
    this.#peer = peer;
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
  }

  /** Resolves when the peer took the event, which comes after those given before for the same lane. */
  send(bytes: Uint8Array, lane: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const untilMs = this.#clock.monotonicMs() + this.#deadlineMs;
      if (this.#waiting.push({ bytes, lane, untilMs, resolve, reject })) this.#pump();
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
      else this.#transfer([first], () => this.#sendInTurn(first));
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
      entry.reject(new EdgelessError("EDGELESS_TIMEOUT", WAITED_TOO_LONG));
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
      this.#transfer(entries, () => this.#sendOne(only));
    } else {
      this.#transfer(entries, () => this.#sendBatch(entries));
    }
  }

  /** Accounts for a request and settles its events when it failed as a whole. */
  #transfer(entries: readonly Entry[], request: () => Promise<void>): void {
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes.length, 0);
    this.#inFlight++;
    this.#bytesInFlight += bytes;
    request()
      .catch((error: unknown) => {
        for (const entry of entries) entry.reject(error);
      })
      .finally(() => {
        this.#inFlight--;
        this.#bytesInFlight -= bytes;
        this.#pump();
      });
  }

  /** When the peer cannot be reached, those behind in the lane fail too, so that they are sent again in their order. */
  #sendInTurn(entry: Entry): Promise<void> {
    const { lane } = entry;
    const sent = (this.#lanes.get(lane) ?? Promise.resolve()).then(() => this.#sendOne(entry));
    const over = sent.catch((error: unknown) => {
      if (error instanceof EdgelessError && error.code === "EDGELESS_UNREACHABLE") throw error;
    });
    const leave = () => {
      if (this.#lanes.get(lane) === over) this.#lanes.delete(lane);
    };
    this.#lanes.set(lane, over);
    over.then(leave, leave);
    return sent;
  }

  async #sendOne(entry: Entry): Promise<void> {
    await this.#peer.callRaw(handleMethod.path, entry.bytes, this.#remainingMs([entry]));
    entry.resolve();
  }

  /** @throws EdgelessError EDGELESS_TIMEOUT when there is no time left */
  #remainingMs(entries: readonly Entry[]): number {
    const remainingMs = Math.min(...entries.map((entry) => entry.untilMs)) - this.#clock.monotonicMs();
    if (remainingMs <= 0) throw new EdgelessError("EDGELESS_TIMEOUT", WAITED_TOO_LONG);
    return remainingMs;
  }

  async #sendBatch(entries: readonly Entry[]): Promise<void> {
    const deadlineMs = this.#remainingMs(entries);
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
