import { CborReader } from "../cbor/cbor-reader.js";
import { CborWriter } from "../cbor/cbor-writer.js";
import { WireFault } from "../wire-fault.js";

/** Start of a function, `POST /f` at a device. */
export interface StartFunction {
  /** Digest of the image, 8 bytes. */
  digest: Uint8Array;
  /** Id of the instance, a UUID as 16 bytes. */
  functionId: Uint8Array;
  /** What the device reports for the instance later, 8 bytes. */
  tag: Uint8Array;
  /** Argument of the init handler; absent: none. */
  initPayload?: Uint8Array;
  /** Last state that the function handed over; absent: none. */
  state?: Uint8Array;
  /** Longest run time of a handler, milliseconds. */
  maxRunTimeMs: number;
  /** Largest memory, bytes. */
  maxMemoryBytes: number;
  /** Class name, for logs. */
  name: string;
}

/** Writes the start of a function. */
export function encodeStartFunction(start: StartFunction): Uint8Array {
  const { initPayload, state } = start;
  const writer = new CborWriter(96);
  writer.map(6 + (initPayload === undefined ? 0 : 1) + (state === undefined ? 0 : 1));
  writer.integer(0).byteString(start.digest);
  writer.integer(1).byteString(start.functionId);
  writer.integer(2).byteString(start.tag);
  if (initPayload !== undefined) writer.integer(3).byteString(initPayload);
  if (state !== undefined) writer.integer(4).byteString(state);
  writer.integer(5).integer(start.maxRunTimeMs);
  writer.integer(6).integer(start.maxMemoryBytes);
  writer.integer(7).text(start.name);
  return writer.written();
}

/** @throws WireFault also when digest, id, tag or a limit is not there, or has another length */
export function decodeStartFunction(bytes: Uint8Array): StartFunction {
  const reader = new CborReader(bytes);
  const none = new Uint8Array(0);
  const start: StartFunction = {
    digest: none,
    functionId: none,
    tag: none,
    maxRunTimeMs: -1,
    maxMemoryBytes: -1,
    name: "",
  };
  for (let left = reader.map(); left > 0; left--) {
    const key = reader.unsigned();
    if (key === 0) start.digest = reader.bytesOf(8);
    else if (key === 1) start.functionId = reader.bytesOf(16);
    else if (key === 2) start.tag = reader.bytesOf(8);
    else if (key === 3) start.initPayload = reader.byteString();
    else if (key === 4) start.state = reader.byteString();
    else if (key === 5) start.maxRunTimeMs = reader.unsigned();
    else if (key === 6) start.maxMemoryBytes = reader.unsigned();
    else if (key === 7) start.name = reader.text();
    else reader.skip();
  }
  reader.end();
  const { digest, functionId, tag, maxRunTimeMs, maxMemoryBytes } = start;
  if (digest === none || functionId === none || tag === none || maxRunTimeMs < 0 || maxMemoryBytes < 0)
    throw new WireFault("missing field", 0);
  return start;
}
