import { type Uuid, uuidToBytes } from "../../core/uuid.js";

const CAPACITY = 4096;
const known = new Map<Uuid, Uint8Array>();

/** The 16 bytes of a UUID in text order. The array is shared: it must not be written to. */
export function idBytes(uuid: Uuid): Uint8Array {
  let bytes = known.get(uuid);
  if (bytes === undefined) {
    // The few peers an instance talks to come back at once, so that forgetting all of them costs little.
    if (known.size >= CAPACITY) known.clear();
    bytes = uuidToBytes(uuid);
    known.set(uuid, bytes);
  }
  return bytes;
}
