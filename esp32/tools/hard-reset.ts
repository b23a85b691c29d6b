import type { Clock } from "../../core/clock.js";
import { wait } from "../../platform/wait.js";
import type { BytePort } from "./byte-port.js";

/** How long the reset line is held, milliseconds. */
const HELD_MS = 100;

/** Restarts a board through its reset line, into its program; without effect where there are no modem lines. */
export async function hardReset(port: BytePort, clock: Clock): Promise<void> {
  if (!port.hasSignals) return;
  await port.setSignals({ dtr: false, rts: true });
  await wait(clock, HELD_MS);
  await port.setSignals({ dtr: false, rts: false });
}
