import type { Timers } from "../../coap-api/endpoint/transport.js";
import { BootGuard, TRIAL_MS } from "../../embedded/boot-guard.js";
import type { FirmwareBoard } from "../../embedded/hardware.js";
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
    crc32: (name) => {
      const text = require("Storage").read(name);
      return text === undefined ? 0 : E.CRC32(text);
    },
  };
}
