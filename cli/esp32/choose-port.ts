import type { Command } from "commander";
import { EdgelessError } from "../../core/errors.js";
import type { BytePort } from "../../esp32/tools/byte-port.js";
import { CONSOLE_BAUD, openPort } from "../../esp32/tools/open-port.js";
import { systemClock } from "../../platform/system-clock.js";
import { numberOption } from "../emulate/emulate-options.js";

/** Options of every command that talks to a board. */
export interface PortOptions {
  readonly port?: string;
  readonly baud?: string;
  readonly json?: boolean;
}

/** Adds the options of a command that talks to a board. */
export function withPortOptions(command: Command, baud = CONSOLE_BAUD): Command {
  return command
    .option(
      "-p, --port <PORT>",
      "serial port, tcp://HOST:PORT or rfc2217://HOST:PORT (default: the only board that is plugged in)",
    )
    .option("--baud <BITS>", "bits per second", String(baud))
    .option("--json", "print results as JSON");
}

/**
 * Opens the port that is meant.
 * @throws EdgelessError EDGELESS_SERIAL_PORT, EDGELESS_USAGE when it is not clear which one is meant
 */
export async function openChosenPort(options: PortOptions, baudRate = speedOf(options)): Promise<BytePort> {
  return openPort(options.port ?? (await onlyBoard()), baudRate, systemClock);
}

/** The speed that was given, bits per second. @throws EdgelessError EDGELESS_USAGE */
export function speedOf(options: PortOptions): number {
  return numberOption(options.baud ?? String(CONSOLE_BAUD), "--baud", 9_600, 3_000_000);
}

async function onlyBoard(): Promise<string> {
  const { listPorts } = await import("../../esp32/tools/port-list.js");
  const boards = (await listPorts()).filter(({ likely }) => likely);
  const [board, ...more] = boards;
  if (board === undefined)
    throw new EdgelessError("EDGELESS_SERIAL_PORT", "no board is plugged in; name its port with --port");
  if (more.length > 0)
    throw new EdgelessError(
      "EDGELESS_USAGE",
      `several boards are plugged in: choose with --port ${boards.map(({ path }) => path).join(" or ")}`,
    );
  return board.path;
}
