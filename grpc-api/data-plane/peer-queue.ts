import { BoundedQueue } from "../../core/bounded-queue.js";
import type { Event } from "../../core/event.js";

/** An event on its way to a peer. */
export interface QueuedEvent {
  readonly event: Event;
  /** Monotonic milliseconds when the sender handed it over. */
  readonly sinceMs: number;
}

/** Most that waits for one peer. */
export interface QueueBounds {
  readonly events: number;
  /** Sum of the payload lengths, in UTF-16 code units. */
  readonly payload: number;
}

/** The events of one pair of instances; its head is the oldest, in flight while `busy`. */
interface Lane {
  readonly pair: string;
  head: QueuedEvent | undefined;
  readonly rest: BoundedQueue<QueuedEvent>;
  busy: boolean;
}

/**
 * Events for one peer: in order between each pair of instances, with at most one of a pair in flight, and in turn between
 * the pairs. A unary RPC promises no order between two calls in flight, so two of one pair are never in flight together.
 */
export class PeerQueue {
  readonly #bounds: QueueBounds;
  readonly #lanes = new Map<string, Lane>();
  #ready = new BoundedQueue<Lane>(Number.POSITIVE_INFINITY);
  #length = 0;
  #payload = 0;

  constructor(bounds: QueueBounds) {
    this.#bounds = bounds;
  }

  /** Events inside, those in flight included. */
  get length(): number {
    return this.#length;
  }

  /** Appends an event; false when a bound is reached. An event larger than the bound passes when it is alone. */
  push(queued: QueuedEvent): boolean {
    const size = sizeOf(queued.event);
    const tooMuch = this.#length > 0 && this.#payload + size > this.#bounds.payload;
    if (this.#length >= this.#bounds.events || tooMuch) return false;
    this.#length++;
    this.#payload += size;
    const pair = pairOf(queued.event);
    const lane = this.#lanes.get(pair);
    if (lane === undefined) {
      const fresh: Lane = { pair, head: queued, rest: new BoundedQueue(this.#bounds.events), busy: false };
      this.#lanes.set(pair, fresh);
      this.#ready.push(fresh);
    } else {
      lane.rest.push(queued);
    }
    return true;
  }

  /** The next event to send, from now on in flight until {@link done} or {@link retry}; undefined when there is none. */
  take(): QueuedEvent | undefined {
    const lane = this.#ready.shift();
    if (lane === undefined) return undefined;
    lane.busy = true;
    return lane.head;
  }

  /** An event that was in flight is finished, whatever became of it. */
  done(queued: QueuedEvent): void {
    const lane = this.#lanes.get(pairOf(queued.event));
    if (lane?.head !== queued) return;
    lane.busy = false;
    if (this.#advance(lane)) this.#ready.push(lane);
  }

  /** An event that was in flight has to be sent again, before those behind it. */
  retry(queued: QueuedEvent): void {
    const lane = this.#lanes.get(pairOf(queued.event));
    if (lane?.head !== queued) return;
    lane.busy = false;
    this.#ready.push(lane);
  }

  /** Takes out the events that came before a moment and are not in flight, except those behind one that is. */
  expire(beforeMs: number): Event[] {
    const expired: Event[] = [];
    this.#ready.clear();
    for (const lane of this.#lanes.values()) {
      if (lane.busy) continue;
      while (lane.head !== undefined && lane.head.sinceMs < beforeMs) {
        expired.push(lane.head.event);
        this.#advance(lane);
      }
      if (lane.head !== undefined) this.#ready.push(lane);
    }
    return expired;
  }

  /** Takes out everything, events in flight included. */
  clear(): Event[] {
    const events: Event[] = [];
    for (const lane of this.#lanes.values()) {
      for (let next = lane.head; next !== undefined; next = lane.rest.shift()) events.push(next.event);
      lane.head = undefined;
    }
    this.#lanes.clear();
    this.#ready.clear();
    this.#length = 0;
    this.#payload = 0;
    return events;
  }

  /** Forgets the head of a lane; false when the lane is empty then, and gone. */
  #advance(lane: Lane): boolean {
    if (lane.head !== undefined) {
      this.#length--;
      this.#payload -= sizeOf(lane.head.event);
    }
    lane.head = lane.rest.shift();
    if (lane.head !== undefined) return true;
    this.#lanes.delete(lane.pair);
    return false;
  }
}

function pairOf(event: Event): string {
  return event.source.functionId + event.target.functionId;
}

function sizeOf(event: Event): number {
  return "payload" in event.data ? event.data.payload.length : 0;
}
