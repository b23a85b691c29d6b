import { type Event, type EventData, METADATA_NONE, TIMESTAMP_ZERO } from "../../../core/event.js";
import type { InstanceId } from "../../../core/instance-id.js";
import type { Uuid } from "../../../core/uuid.js";

/** A UUID that ends in a number, for tests. */
export function uuid(number: number): Uuid {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}` as Uuid;
}

/** An instance on a node, both named by a number. */
export function instance(node: number, functionNumber: number): InstanceId {
  return { nodeId: uuid(node), functionId: uuid(functionNumber) };
}

/** An event without time or trace. */
export function event(source: InstanceId, target: InstanceId, data: EventData, streamId = 0n): Event {
  return { source, target, data, streamId, created: TIMESTAMP_ZERO, metadata: METADATA_NONE };
}

/** A cast with a text. */
export function cast(source: InstanceId, target: InstanceId, payload: string): Event {
  return event(source, target, { type: "cast", payload });
}

/** A call with a text and a stream id. */
export function call(source: InstanceId, target: InstanceId, payload: string, streamId: bigint): Event {
  return event(source, target, { type: "call", payload }, streamId);
}
