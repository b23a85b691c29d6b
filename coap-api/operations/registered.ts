import { CborReader } from "../cbor/cbor-reader.js";
import { CborWriter } from "../cbor/cbor-writer.js";
import { WireFault } from "../wire-fault.js";

/** What the gateway tells a device that registered: the payload of its 2.01. */
export interface Registered {
  /** Time at the gateway, seconds since the Unix epoch. */
  timeSeconds: number;
}

/** Writes the answer to a registration. */
export function encodeRegistered(registered: Registered): Uint8Array {
  return new CborWriter(12).map(1).integer(0).integer(registered.timeSeconds).written();
}

/**
 * Reads the answer to a registration; keys of a newer edition are passed over.
 * @throws WireFault "missing field" also when the time is not there
 */
export function decodeRegistered(bytes: Uint8Array): Registered {
  const reader = new CborReader(bytes);
  const registered: Registered = { timeSeconds: -1 };
  for (let left = reader.map(); left > 0; left--) {
    if (reader.unsigned() === 0) registered.timeSeconds = reader.unsigned();
    else reader.skip();
  }
  reader.end();
  if (registered.timeSeconds < 0) throw new WireFault("missing field", 0);
  return registered;
}
