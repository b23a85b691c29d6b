import { type Event, type EventData, type EventMetadata, METADATA_NONE } from "../../core/event.js";
import * as proto from "../generated/messages.js";
import { badField, required, timestampField } from "./field.js";
import { instanceIdFromMessage, instanceIdToMessage } from "./identifiers.js";

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
const METADATA_NONE_MESSAGE: proto.EventSerializedMetadata = {
  traceId: new Uint8Array(TRACE_ID_BYTES),
  spanId: new Uint8Array(SPAN_ID_BYTES),
};

/** Writes an `Event`, always with all six sub-messages. */
export function eventToMessage(event: Event): proto.Event {
  return {
    target: instanceIdToMessage(event.target),
    source: instanceIdToMessage(event.source),
    streamId: event.streamId,
    msg: dataToMessage(event.data),
    created: { secs: BigInt(event.created.seconds), nsecs: event.created.nanoseconds },
    metadata: metadataToMessage(event.metadata),
  };
}

/** Reads an `Event`, all sub-messages of which must be there. */
export function eventFromMessage(message: proto.Event): Event {
  const created = required(message.created, "Event.created");
  return {
    target: instanceIdFromMessage(message.target, "Event.target"),
    source: instanceIdFromMessage(message.source, "Event.source"),
    streamId: message.streamId,
    data: dataFromMessage(required(message.msg, "Event.msg")),
    created: timestampField(created.secs, created.nsecs, "Event.created"),
    metadata: metadataFromMessage(message.metadata, "Event.metadata"),
  };
}

function dataToMessage(data: EventData): proto.EventData {
  switch (data.type) {
    case "cast":
      return { eventType: proto.EventType.CAST, payload: data.payload };
    case "call":
      return { eventType: proto.EventType.CALL, payload: data.payload };
    case "call-ret":
      return { eventType: proto.EventType.CALL_RET, payload: data.payload };
    case "call-no-ret":
      return { eventType: proto.EventType.CALL_NO_RET, payload: "" };
    case "err":
      return { eventType: proto.EventType.ERR, payload: "" };
  }
}

/** An unknown type is an error answer, as in the Rust programs. */
function dataFromMessage({ eventType, payload }: proto.EventData): EventData {
  switch (eventType) {
    case proto.EventType.CAST:
      return { type: "cast", payload };
    case proto.EventType.CALL:
      return { type: "call", payload };
    case proto.EventType.CALL_RET:
      return { type: "call-ret", payload };
    case proto.EventType.CALL_NO_RET:
      return { type: "call-no-ret" };
    default:
      return { type: "err" };
  }
}

/** Writes an `EventSerializedMetadata`. */
export function metadataToMessage(metadata: EventMetadata): proto.EventSerializedMetadata {
  if (metadata === METADATA_NONE) return METADATA_NONE_MESSAGE;
  return {
    traceId: bytesFromHex(metadata.traceId, TRACE_ID_BYTES, "EventSerializedMetadata.trace_id"),
    spanId: bytesFromHex(metadata.spanId, SPAN_ID_BYTES, "EventSerializedMetadata.span_id"),
  };
}

/** Reads an `EventSerializedMetadata` that must be there. */
export function metadataFromMessage(
  message: proto.EventSerializedMetadata | undefined,
  field: string,
): EventMetadata {
  const { traceId, spanId } = required(message, field);
  if (traceId.length !== TRACE_ID_BYTES)
    throw badField(`${field}.trace_id`, `has ${traceId.length} bytes, not 16`);
  if (spanId.length !== SPAN_ID_BYTES)
    throw badField(`${field}.span_id`, `has ${spanId.length} bytes, not 8`);
  if (isZero(traceId) && isZero(spanId)) return METADATA_NONE;
  return { traceId: hexFromBytes(traceId), spanId: hexFromBytes(spanId) };
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function hexFromBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

function bytesFromHex(hex: string, length: number, field: string): Uint8Array {
  const bytes = Buffer.from(hex, "hex");
  if (bytes.length !== length || hex.length !== 2 * length) {
    throw badField(field, `is not ${2 * length} hexadecimal digits`);
  }
  return bytes;
}
