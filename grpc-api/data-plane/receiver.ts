import type { Event } from "../../core/event.js";

/** Something on this node that owns instances: the function run-time, the resources. */
export interface Receiver {
  /**
   * Takes an event for one of its instances; only enqueues.
   * @returns false when the instance is not one of its own
   */
  deliver(event: Event): boolean;
}

/**
 * Way out of an instance: takes an event for any instance, local or remote; never waits, never throws.
 * @param settled runs once, at once or later: the receiver has the event, it was lost, or its peer can not be reached now; it never
 * runs when all ends before
 */
export type SendEvent = (event: Event, settled?: () => void) => void;
