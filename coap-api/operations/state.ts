import { CborReader } from "../cbor/cbor-reader.js";
import { CborWriter } from "../cbor/cbor-writer.js";

/** State that a function handed over to be kept, `POST /y` at the gateway. */
export interface KeptState {
  handle: number;
  state: Uint8Array;
}

/** Writes the state of a function. */
export function encodeKeptState(kept: KeptState): Uint8Array {
  return new CborWriter(kept.state.length + 16)
    .array(2)
    .integer(kept.handle)
    .byteString(kept.state)
    .written();
}

/** @throws WireFault */
export function decodeKeptState(bytes: Uint8Array): KeptState {
  const reader = new CborReader(bytes);
  reader.arrayOf(2);
  const handle = reader.unsigned();
  const state = reader.byteString();
  reader.end();
  return { handle, state };
}
