import { CborReader } from "../cbor/cbor-reader.js";
import { CborWriter } from "../cbor/cbor-writer.js";

/** Handle of no instance: the line is about the device itself. */
export const DEVICE = 0;

/** A log line of an instance, or of the device. */
export interface LogLine {
  /** Of the instance, or {@link DEVICE}. */
  handle: number;
  /** EDGELESS telemetry level, 1 (error) to 5 (trace). */
  level: number;
  target: Uint8Array;
  message: Uint8Array;
}

/** Writes log lines, `POST /l` at the gateway. */
export function encodeLogLines(lines: readonly LogLine[]): Uint8Array {
  const writer = new CborWriter(128);
  writer.array(lines.length);
  for (let i = 0; i < lines.length; i++) {
    const { handle, level, target, message } = lines[i] as LogLine;
    writer.array(4).integer(handle).integer(level).byteString(target).byteString(message);
  }
  return writer.written();
}

/** @throws WireFault */
export function decodeLogLines(bytes: Uint8Array): LogLine[] {
  const reader = new CborReader(bytes);
  const lines: LogLine[] = [];
  for (let left = reader.array(); left > 0; left--) {
    reader.arrayOf(4);
    const handle = reader.unsigned();
    const level = reader.unsigned();
    const target = reader.byteString();
    lines.push({ handle, level, target, message: reader.byteString() });
  }
  reader.end();
  return lines;
}
