import { CborReader, NEGATIVE } from "../cbor/cbor-reader.js";
import { CborWriter } from "../cbor/cbor-writer.js";
import { NOTHING } from "../nothing.js";
import { WireFault } from "../wire-fault.js";

/** What an event is; the answers to a call follow the call. */
export const CAST = 0;
export const CALL = 1;
export const REPLY = 2;
export const NO_REPLY = 3;
export const ERROR = 4;

/** Stands for a route, peer, instance or stream that an event does not have. */
export const NONE = -1;

/**
 * An event from an instance on a device, `POST /e` at the gateway. A cast or call goes either to a route, which implies the
 * instance that sent it, or from the instance `handle` to the peer `peer`. An answer has only its stream.
 */
export interface UplinkEvent {
  kind: number;
  route: number;
  peer: number;
  handle: number;
  stream: number;
  payload: Uint8Array;
}

/** An event for an instance on a device, `POST /e` at the device. An answer has only its stream. */
export interface DownlinkEvent {
  kind: number;
  handle: number;
  /** Who sent it, as the gateway numbers peers for this device; 0: nobody. */
  peer: number;
  stream: number;
  payload: Uint8Array;
}

/** Writes an event from a device. */
export function encodeUplinkEvent(event: UplinkEvent): Uint8Array {
  const { kind, stream, payload } = event;
  const writer = new CborWriter(payload.length + 24);
  if (kind > CALL) return writeAnswer(writer, kind, payload, stream);
  const raw = event.route === NONE;
  writer.array((raw ? 3 : 2) + (kind === CALL ? 1 : 0));
  writer.integer(raw ? -1 - event.peer : event.route).byteString(payload);
  if (raw) writer.integer(event.handle);
  if (kind === CALL) writer.integer(stream);
  return writer.written();
}

/** @throws WireFault */
export function decodeUplinkEvent(bytes: Uint8Array): UplinkEvent {
  const reader = new CborReader(bytes);
  const count = reader.array();
  const event = { kind: CAST, route: NONE, peer: NONE, handle: NONE, stream: NONE, payload: NOTHING };
  if (count > 0 && reader.skipNull()) readAnswer(reader, count, event);
  else {
    const raw = count > 0 && reader.peek() === NEGATIVE;
    const casts = raw ? 3 : 2;
    if (count !== casts && count !== casts + 1) throw new WireFault("missing field", 0);
    if (raw) event.peer = -1 - reader.integer();
    else event.route = reader.unsigned();
    event.payload = reader.byteString();
    if (raw) event.handle = reader.unsigned();
    if (count > casts) readCallStream(reader, event);
  }
  reader.end();
  return event;
}

/** Writes an event for a device. */
export function encodeDownlinkEvent(event: DownlinkEvent): Uint8Array {
  const { kind, stream, payload } = event;
  const writer = new CborWriter(payload.length + 24);
  if (kind > CALL) return writeAnswer(writer, kind, payload, stream);
  writer
    .array(kind === CALL ? 4 : 3)
    .integer(event.handle)
    .byteString(payload)
    .integer(event.peer);
  if (kind === CALL) writer.integer(stream);
  return writer.written();
}

/** @throws WireFault */
export function decodeDownlinkEvent(bytes: Uint8Array): DownlinkEvent {
  const reader = new CborReader(bytes);
  const count = reader.array();
  const event = { kind: CAST, handle: NONE, peer: NONE, stream: NONE, payload: NOTHING };
  if (count > 0 && reader.skipNull()) readAnswer(reader, count, event);
  else {
    if (count !== 3 && count !== 4) throw new WireFault("missing field", 0);
    event.handle = reader.unsigned();
    event.payload = reader.byteString();
    event.peer = reader.unsigned();
    if (count === 4) readCallStream(reader, event);
  }
  reader.end();
  return event;
}

function writeAnswer(writer: CborWriter, kind: number, payload: Uint8Array, stream: number): Uint8Array {
  writer.array(3).nothing();
  if (kind === REPLY) writer.byteString(payload);
  else if (kind === NO_REPLY) writer.nothing();
  else writer.bool(false);
  return writer.integer(stream).written();
}

function readAnswer(
  reader: CborReader,
  count: number,
  event: { kind: number; stream: number; payload: Uint8Array },
): void {
  if (count !== 3) throw new WireFault("missing field", 0);
  if (reader.skipNull()) event.kind = NO_REPLY;
  else if (reader.skipFalse()) event.kind = ERROR;
  else {
    event.kind = REPLY;
    event.payload = reader.byteString();
  }
  event.stream = reader.unsigned32();
}

function readCallStream(reader: CborReader, event: { kind: number; stream: number }): void {
  event.kind = CALL;
  event.stream = reader.unsigned32();
}
