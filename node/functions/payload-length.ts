import type { EventData } from "../../core/event.js";

/** Characters of text that an event carries. */
export function payloadLength(data: EventData): number {
  return data.type === "call-no-ret" || data.type === "err" ? 0 : data.payload.length;
}
