import { type Event, type EventData, isAnswer } from "../../core/event.js";

/** Characters of text that an event carries. */
export function payloadLength(data: EventData): number {
  return data.type === "call-no-ret" || data.type === "err" ? 0 : data.payload.length;
}

/** Room for an event in a queue of `capacity`: an answer ends somebody's wait and still fits when others do not. */
export function capacityFor(event: Event, capacity: number): number {
  return isAnswer(event.data) ? 2 * capacity : capacity;
}
