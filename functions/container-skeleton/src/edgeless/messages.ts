import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { InstanceId, LogLevel } from "./function.js";

/*
 * The messages of the guest API, package `edgeless_api`. Text travels as bytes; what is not UTF-8 arrives with U+FFFD in
 * its place.
 */

export interface Boot {
  readonly hostUrl: string;
  readonly self: InstanceId;
}

export interface Init {
  readonly payload: string;
  readonly state: string | undefined;
}

export interface Input {
  readonly source: InstanceId;
  readonly message: string;
}

export type CallReturn =
  | { readonly type: "no-reply" }
  | { readonly type: "reply"; readonly message: string }
  | { readonly type: "err" };

const NO_INSTANCE: InstanceId = { nodeId: "", functionId: "" };
const TYPES = ["no-reply", "reply", "err"] as const;
const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug", "trace"];
const NO_TRACE = { traceId: new Uint8Array(16), spanId: new Uint8Array(8) };

export function readBoot(bytes: Uint8Array): Boot {
  const boot = { hostUrl: "", self: NO_INSTANCE };
  readFields(bytes, {
    1: (reader) => void (boot.hostUrl = reader.string()),
    2: (reader) => void (boot.self = readInstance(reader.bytes())),
  });
  return boot;
}

export function readInit(bytes: Uint8Array): Init {
  const init: { payload: string; state: string | undefined } = { payload: "", state: undefined };
  readFields(bytes, {
    1: (reader) => void (init.payload = reader.string()),
    10: (reader) => void (init.state = text(reader.bytes())),
  });
  return init.state === "" ? { ...init, state: undefined } : init;
}

export function readInput(bytes: Uint8Array): Input {
  const input = { source: NO_INSTANCE, message: "" };
  readFields(bytes, {
    1: (reader) => void (input.source = readInstance(reader.bytes())),
    2: (reader) => void (input.message = text(reader.bytes())),
  });
  return input;
}

export function readCallReturn(bytes: Uint8Array): CallReturn {
  const answer = { type: 0, message: "" };
  readFields(bytes, {
    1: (reader) => void (answer.type = reader.int32()),
    2: (reader) => void (answer.message = text(reader.bytes())),
  });
  const type = TYPES[answer.type] ?? "err";
  return type === "reply" ? { type, message: answer.message } : { type };
}

export function writeCallReturn(answer: CallReturn): Uint8Array {
  const writer = new BinaryWriter().uint32(field(1, WireType.Varint)).int32(TYPES.indexOf(answer.type));
  if (answer.type === "reply") writeBytes(writer, 2, Buffer.from(answer.message));
  return writer.finish();
}

/** `OutputEventData`. */
export function writeOutput(self: InstanceId, output: string, message: string): Uint8Array {
  return outputFields(self, output, message).finish();
}

/** `OutputEventDataRaw`. */
export function writeRawOutput(self: InstanceId, target: InstanceId, message: string): Uint8Array {
  const writer = writeBytes(new BinaryWriter(), 1, writeInstance(self));
  return writeBytes(writeBytes(writer, 2, writeInstance(target)), 3, Buffer.from(message)).finish();
}

/** `DelayedEventData`. */
export function writeDelayed(self: InstanceId, output: string, message: string, delayMs: number): Uint8Array {
  const writer = outputFields(self, output, message);
  writer.uint32(field(4, WireType.Varint)).uint64(BigInt(Math.max(0, Math.round(delayMs))));
  const trace = writeBytes(writeBytes(new BinaryWriter(), 1, NO_TRACE.traceId), 2, NO_TRACE.spanId).finish();
  return writeBytes(writer, 5, trace).finish();
}

/** `TelemetryLogEvent`. */
export function writeLog(self: InstanceId, level: LogLevel, target: string, message: string): Uint8Array {
  const writer = writeBytes(new BinaryWriter(), 1, writeInstance(self));
  writer.uint32(field(2, WireType.Varint)).int32(LEVELS.indexOf(level));
  return writeBytes(writeBytes(writer, 3, Buffer.from(target)), 4, Buffer.from(message)).finish();
}

/** `SyncData`. */
export function writeSync(self: InstanceId, state: string): Uint8Array {
  const writer = writeBytes(new BinaryWriter(), 1, writeInstance(self));
  return writeBytes(writer, 2, Buffer.from(state)).finish();
}

function outputFields(self: InstanceId, output: string, message: string): BinaryWriter {
  const writer = writeBytes(new BinaryWriter(), 1, writeInstance(self));
  return writeBytes(writeBytes(writer, 2, Buffer.from(output)), 3, Buffer.from(message));
}

function writeInstance({ nodeId, functionId }: InstanceId): Uint8Array {
  const writer = writeBytes(new BinaryWriter(), 1, Buffer.from(nodeId));
  return writeBytes(writer, 2, Buffer.from(functionId)).finish();
}

function readInstance(bytes: Uint8Array): InstanceId {
  const id = { nodeId: "", functionId: "" };
  readFields(bytes, {
    1: (reader) => void (id.nodeId = reader.string()),
    2: (reader) => void (id.functionId = reader.string()),
  });
  return id;
}

/** Calls the reader of each field; fields without one are skipped. @throws Error when the bytes are no message */
function readFields(bytes: Uint8Array, readers: Readonly<Record<number, (reader: BinaryReader) => void>>): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    const read = readers[number];
    if (read === undefined) reader.skip(type, number);
    else read(reader);
  }
}

function writeBytes(writer: BinaryWriter, number: number, bytes: Uint8Array): BinaryWriter {
  return writer.uint32(field(number, WireType.LengthDelimited)).bytes(bytes);
}

function field(number: number, type: WireType): number {
  return (number << 3) | type;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
