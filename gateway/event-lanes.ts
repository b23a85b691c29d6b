import type { Event } from "../core/event.js";
import type { Uuid } from "../core/uuid.js";

/** An event on its way to an instance on a device. */
export interface QueuedEvent {
  readonly event: Event;
  readonly payload: Uint8Array;
  /** Number of the call on the device's link; undefined: a cast. */
  readonly stream: number | undefined;
  /** Monotonic milliseconds when it came. */
  readonly sinceMs: number;
}

/** An answer to a call that the device made. */
export interface QueuedAnswer {
  readonly kind: number;
  readonly payload: Uint8Array;
  readonly stream: number;
}

interface Lane {
  readonly events: QueuedEvent[];
  /** Nothing is sent before, monotonic milliseconds. */
  notBeforeMs: number;
}

/**
 * What waits for one device: answers to its calls first, since a waiting caller takes nothing else, then events, in order
 * for each instance and in turn between the instances. An instance that is busy or not there yet delays no other.
 */
export class EventLanes {
  readonly #capacity: number;
  readonly #answers: QueuedAnswer[] = [];
  readonly #lanes = new Map<Uuid, Lane>();
  #length = 0;

  /** @param capacity most events that wait, and most answers */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Events and answers that wait. */
  get length(): number {
    return this.#length + this.#answers.length;
  }

  get isFull(): boolean {
    return this.#length >= this.#capacity;
  }

  /** Appends an event; false when too many wait. */
  push(queued: QueuedEvent): boolean {
    if (this.isFull) return false;
    this.#length++;
    const { functionId } = queued.event.target;
    const lane = this.#lanes.get(functionId);
    if (lane === undefined) this.#lanes.set(functionId, { events: [queued], notBeforeMs: 0 });
    else lane.events.push(queued);
    return true;
  }

  /** Appends an answer; false when too many wait. */
  pushAnswer(answer: QueuedAnswer): boolean {
    if (this.#answers.length >= this.#capacity) return false;
    this.#answers.push(answer);
    return true;
  }

  /** Takes the oldest answer. */
  takeAnswer(): QueuedAnswer | undefined {
    return this.#answers.shift();
  }

  /** Takes the next event whose instance `isReady`. */
  take(nowMs: number, isReady: (functionId: Uuid) => boolean): QueuedEvent | undefined {
    for (const [functionId, lane] of this.#lanes) {
      if (lane.notBeforeMs > nowMs || !isReady(functionId)) continue;
      const queued = lane.events.shift();
      this.#lanes.delete(functionId);
      if (lane.events.length > 0) this.#lanes.set(functionId, lane);
      if (queued === undefined) continue;
      this.#length--;
      return queued;
    }
    return undefined;
  }

  /** Puts back an event that its instance could not take, and lets the instance rest until `untilMs`. */
  hold(queued: QueuedEvent, untilMs: number): void {
    this.#length++;
    const { functionId } = queued.event.target;
    const lane = this.#lanes.get(functionId);
    if (lane === undefined) this.#lanes.set(functionId, { events: [queued], notBeforeMs: untilMs });
    else {
      lane.events.unshift(queued);
      lane.notBeforeMs = untilMs;
    }
  }

  /** When the first instance that rests may be tried again; undefined: none rests. */
  nextMs(nowMs: number): number | undefined {
    let next: number | undefined;
    for (const { notBeforeMs } of this.#lanes.values()) {
      if (notBeforeMs > nowMs && (next === undefined || notBeforeMs < next)) next = notBeforeMs;
    }
    return next;
  }

  /** Takes out the events that came before a moment. */
  expire(beforeMs: number): QueuedEvent[] {
    const expired: QueuedEvent[] = [];
    for (const [functionId, lane] of this.#lanes) {
      const fresh = lane.events.findIndex(({ sinceMs }) => sinceMs >= beforeMs);
      expired.push(...lane.events.splice(0, fresh < 0 ? lane.events.length : fresh));
      if (lane.events.length === 0) this.#lanes.delete(functionId);
    }
    this.#length -= expired.length;
    return expired;
  }

  /** Takes out the events for an instance. */
  remove(functionId: Uuid): QueuedEvent[] {
    const lane = this.#lanes.get(functionId);
    if (lane === undefined) return [];
    this.#lanes.delete(functionId);
    this.#length -= lane.events.length;
    return lane.events;
  }

  /** Takes out everything; answers are forgotten. */
  clear(): QueuedEvent[] {
    const all = [...this.#lanes.values()].flatMap(({ events }) => events);
    this.#lanes.clear();
    this.#answers.length = 0;
    this.#length = 0;
    return all;
  }
}
