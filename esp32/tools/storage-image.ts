import { EdgelessError } from "../../core/errors.js";
import { LONGEST_NAME, type StorageFile } from "./board-storage.js";

/** A header: size in 24 bits, flags in 8, then the name, padded with zeros (Espruino, `jsflash.h`). */
const HEADER_BYTES = 4 + LONGEST_NAME;
/** Files begin at multiples of this many bytes. */
const ALIGNMENT = 4;

/**
 * The storage of an interpreter that holds these files and nothing else.
 * @param size of the storage, bytes
 * @throws EdgelessError EDGELESS_BOARD_FULL when they do not fit
 */
export function storageImage(files: readonly StorageFile[], size: number): Buffer {
  const storage = Buffer.alloc(size, 0xff);
  let at = 0;
  for (const { name, bytes } of files) {
    if (Buffer.byteLength(name, "latin1") > LONGEST_NAME)
      throw new EdgelessError("EDGELESS_INTERNAL", `the name ${name} is too long for a board's storage`);
    const next = at + HEADER_BYTES + Math.ceil(bytes.length / ALIGNMENT) * ALIGNMENT;
    if (next > size)
      throw new EdgelessError(
        "EDGELESS_BOARD_FULL",
        `no room for ${name}: the storage of this firmware has ${size} bytes`,
      );
    storage.fill(0, at, at + HEADER_BYTES);
    storage.writeUInt32LE(bytes.length, at);
    storage.write(name, at + 4, "latin1");
    storage.set(bytes, at + HEADER_BYTES);
    at = next;
  }
  return storage;
}
