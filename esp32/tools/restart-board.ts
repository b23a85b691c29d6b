import type { Clock } from "../../core/clock.js";
import { wait } from "../../platform/wait.js";
import type { BoardConsole, Interpreter } from "./board-console.js";
import type { BytePort } from "./byte-port.js";
import { hardReset } from "./hard-reset.js";

/** By then an interpreter that was told to restart has begun to, milliseconds. */
const BEGUN_MS = 500;

/** Restarts a board: by its reset line where there is one, else by its interpreter. */
export async function restartBoard(
  port: BytePort,
  console: BoardConsole,
  interpreter: Interpreter,
  clock: Clock,
): Promise<void> {
  if (port.hasSignals) {
    await hardReset(port, clock);
    return;
  }
  // The interpreter on a desktop has no hardware to restart.
  await console.evaluate(interpreter.board === "LINUX" ? "load()" : "setTimeout(E.reboot,100)");
  await wait(clock, BEGUN_MS);
}
