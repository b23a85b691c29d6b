import { BoundedQueue } from "../../core/bounded-queue.js";
import type { Event } from "../../core/event.js";
import { payloadLength } from "./event-size.js";
import type { TextBudget } from "./text-budget.js";

/** Events that wait for one instance, bounded in number and, together with those of others, in text. */
export class EventQueue {
  readonly #events: BoundedQueue<Event>;
  readonly #budget: TextBudget;

  constructor(capacity: number, budget: TextBudget) {
    this.#events = new BoundedQueue(capacity);
    this.#budget = budget;
  }

  get length(): number {
    return this.#events.length;
  }

  /** Appends an event; false when it does not fit. */
  push(event: Event): boolean {
    const characters = payloadLength(event.data);
    if (!this.#budget.take(characters)) return false;
    if (this.#events.push(event)) return true;
    this.#budget.give(characters);
    return false;
  }

  /** Takes the oldest event, or undefined when there is none. */
  shift(): Event | undefined {
    const event = this.#events.shift();
    if (event !== undefined) this.#budget.give(payloadLength(event.data));
    return event;
  }

  /** Takes all events. */
  drain(): Event[] {
    const events: Event[] = [];
    for (let event = this.shift(); event !== undefined; event = this.shift()) events.push(event);
    return events;
  }
}
