import { Event } from "./event";

const event = new Event();

/** The event that a handler sees: one object for all events, over the buffers the host filled. */
export function beginEvent(node: usize, component: usize, ptr: usize, len: usize): Event {
  event.sourceNodePtr = node;
  event.sourceFunctionPtr = component;
  event.ptr = ptr;
  event.len = len;
  return event;
}
