import type { FlashStorage } from "../../embedded/hardware.js";

/** Module of the interpreter, which not all builds have. */
const CRYPTO = "crypto";

/** Flash that a write must leave free: Storage keeps a head for each file, and moves nothing while the runtime runs. */
const RESERVE = 4096;

/** The flash storage of a board. Files are read where they are. */
export const boardFlash: FlashStorage = {
  read: (name) => {
    const text = require("Storage").read(name);
    return text === undefined ? undefined : new Uint8Array(E.toArrayBuffer(text));
  },
  readText: (name) => require("Storage").read(name),
  write: (name, bytes) => {
    // A write that does not fit would first move files together, and with them the code that runs.
    if (bytes.length > boardFlash.freeBytes()) return false;
    return require("Storage").write(name, bytes) === true;
  },
  writePart: (name, at, total, bytes) => {
    const storage = require("Storage");
    if (at === 0 && total > boardFlash.freeBytes()) return false;
    const there = at > 0 ? storage.read(name) : undefined;
    if (there !== undefined && there.substr(at, bytes.length) === E.toString(bytes)) return true;
    try {
      return storage.write(name, bytes, at, total) === true;
    } catch (_thrown) {
      return false;
    }
  },
  sha256: (name) => {
    const text = require("Storage").read(name);
    try {
      return text === undefined ? undefined : new Uint8Array(require(CRYPTO).SHA256(text));
    } catch (_missing) {
      return undefined;
    }
  },
  erase: (name) => require("Storage").erase(name),
  names: () => require("Storage").list(),
  freeBytes: () => Math.max(0, require("Storage").getFree() - RESERVE),
};
