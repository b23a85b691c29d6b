import type { FlashStorage } from "../../embedded/hardware.js";

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
  erase: (name) => require("Storage").erase(name),
  names: () => require("Storage").list(),
  freeBytes: () => Math.max(0, require("Storage").getFree() - RESERVE),
};
