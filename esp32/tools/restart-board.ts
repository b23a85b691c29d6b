import type { Clock } from "../../core/clock.js";
import type { BoardConsole, Interpreter } from "./board-console.js";
import type { BytePort } from "./byte-port.js";
import { hardReset } from "./hard-reset.js";

/** Restarts a board: by its reset line where there is one, else by its interpreter. */
export async function restartBoard(
  port: BytePort,
  console: BoardConsole,
  interpreter: Interpreter,
  clock: Clock,
): Promise<void> {
  if (port.hasSignals) await hardReset(port, clock);
  // The interpreter on a desktop has no hardware to restart.
  else await console.command(interpreter.board === "LINUX" ? "load()" : "setTimeout(E.reboot,100)");
}
