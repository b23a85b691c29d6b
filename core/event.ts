import type { InstanceId } from "./instance-id.js";

/** What an event says. Proto message `EventData`; error answers carry no text. */
export type EventData =
  | { readonly type: "cast"; readonly payload: string }
  | { readonly type: "call"; readonly payload: string }
  | { readonly type: "call-ret"; readonly payload: string }
  | { readonly type: "call-no-ret" }
  | { readonly type: "err" };

/** A point in time: Unix seconds and the nanoseconds part, 0 to 999999999. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** OpenTelemetry context that events carry, as lower-case hexadecimal digits. */
export interface EventMetadata {
  /** 32 digits (16 bytes). */
  readonly traceId: string;
  /** 16 digits (8 bytes). */
  readonly spanId: string;
}

/** One event of the data plane. Proto message `Event`. */
export interface Event {
  readonly target: InstanceId;
  readonly source: InstanceId;
  /** 0 for casts; otherwise it joins a call and its answer. Unsigned 64 bits. */
  readonly streamId: bigint;
  readonly data: EventData;
  /** When the sender made a cast or call; zero in answers. */
  readonly created: Timestamp;
  readonly metadata: EventMetadata;
}

/** Creation time of answers. */
export const TIMESTAMP_ZERO: Timestamp = { seconds: 0, nanoseconds: 0 };

/** "No trace". */
export const METADATA_NONE: EventMetadata = {
  traceId: "00000000000000000000000000000000",
  spanId: "0000000000000000",
};

/** Converts milliseconds since the Unix epoch. */
export function timestampFromMs(wallMs: number): Timestamp {
  const seconds = Math.floor(wallMs / 1000);
  return { seconds, nanoseconds: Math.floor((wallMs - seconds * 1000) * 1e6) };
}

/** Converts to milliseconds since the Unix epoch. */
export function timestampToMs(time: Timestamp): number {
  return time.seconds * 1000 + time.nanoseconds / 1e6;
}

/** True for the three answers to a call. */
export function isAnswer(data: EventData): boolean {
  return data.type === "call-ret" || data.type === "call-no-ret" || data.type === "err";
}
