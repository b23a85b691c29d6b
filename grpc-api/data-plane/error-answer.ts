import { type Event, TIMESTAMP_ZERO } from "../../core/event.js";
import { NODE_ID_NONE } from "../../core/uuid.js";

/**
 * The answer that ends a call which cannot be delivered, so that its caller does not wait.
 * @returns undefined when the event is no call or nobody waits for its answer
 */
export function errorAnswer(event: Event): Event | undefined {
  if (event.data.type !== "call" || event.source.nodeId === NODE_ID_NONE) return undefined;
  return {
    target: event.source,
    source: event.target,
    streamId: event.streamId,
    data: { type: "err" },
    created: TIMESTAMP_ZERO,
    metadata: event.metadata,
  };
}
