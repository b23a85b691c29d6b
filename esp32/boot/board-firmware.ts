import type { Timers } from "../../coap-api/endpoint/transport.js";
import { BootGuard, TRIAL_MS } from "../../embedded/boot-guard.js";
import type { FirmwareBoard } from "../../embedded/firmware-update.js";
import { noteInJournal } from "./journal.js";

/** What the runtime needs to keep the journal and to take updates; undefined when it was not started by the boot script. */
export function boardFirmware(
  timers: Timers,
  log: (level: number, text: string) => void,
): FirmwareBoard | undefined {
  if (typeof edgelessBoot === "undefined") return undefined;
  return {
    version: "",
    guard: new BootGuard(
      edgelessBoot,
      { timers, note: noteInJournal, reboot: () => E.reboot(), log },
      TRIAL_MS,
    ),
    writePart,
    crc32: (name) => {
      const text = require("Storage").read(name);
      return text === undefined ? 0 : E.CRC32(text);
    },
  };
}

function writePart(name: string, at: number, total: number, bytes: Uint8Array): boolean {
  const storage = require("Storage");
  const there = at > 0 ? storage.read(name) : undefined;
  if (there !== undefined && there.substr(at, bytes.length) === E.toString(bytes)) return true;
  try {
    return storage.write(name, bytes, at, total) === true;
  } catch (_thrown) {
    return false;
  }
}
