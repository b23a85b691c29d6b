import { EdgelessError, reasonOf } from "../../core/errors.js";
import { BoardConsole } from "../../esp32/tools/board-console.js";
import { type BoardInfo, readBoardInfo } from "../../esp32/tools/board-info.js";
import { describeNetwork } from "../../esp32/tools/board-network.js";
import type { BytePort } from "../../esp32/tools/byte-port.js";
import type { ChipInfo } from "../../esp32/tools/rom-loader.js";
import { systemClock } from "../../platform/system-clock.js";
import { alignColumns } from "../format.js";
import type { Output } from "../output.js";
import { connectLoader } from "./connect-loader.js";
import { afterOf, type LoaderOptions } from "./loader-options.js";
import { withPort } from "./with-port.js";

export interface InspectOptions extends LoaderOptions {
  /** Asks the chip itself, which restarts the board. */
  readonly chip?: boolean;
}

const CONSOLE_MS = 2_000;
const RESTART_MS = 15_000;

/**
 * Prints what a board tells of itself, and what its chip does when that is wanted or nothing else answers.
 * @throws EdgelessError when neither answers
 */
export async function inspectBoard(options: InspectOptions, output: Output): Promise<void> {
  const after = afterOf(options);
  await withPort(options, output, undefined, async (port) => {
    let chip: ChipInfo | undefined;
    let answer = options.chip === true ? undefined : await askConsole(port, CONSOLE_MS);
    if (options.chip === true || (answer instanceof EdgelessError && port.hasSignals)) {
      const loader = await connectLoader(port, options, output);
      chip = loader.chip;
      const isStarted = await loader.finish(after);
      if (isStarted) answer = await askConsole(port, RESTART_MS);
    }
    if (chip === undefined && answer instanceof EdgelessError) throw answer;
    const board = answer instanceof EdgelessError ? undefined : answer;
    output.result(describe(chip, board), {
      ...(chip === undefined ? {} : { ...chip, family: chip.family.name }),
      ...board,
    });
  });
}

/** Asks the interpreter; gives the error when none answers as it should. */
async function askConsole(port: BytePort, withinMs: number): Promise<BoardInfo | EdgelessError> {
  const console = new BoardConsole(port, systemClock);
  try {
    return await readBoardInfo(console, await console.attach(false, withinMs));
  } catch (error) {
    const isKnown = error instanceof EdgelessError;
    if (isKnown && error.code === "EDGELESS_SERIAL_LOST") throw error;
    return isKnown ? error : new EdgelessError("EDGELESS_SERIAL_CONSOLE", reasonOf(error), error);
  }
}

function describe(chip: ChipInfo | undefined, board: BoardInfo | undefined): string {
  const rows: string[][] = [];
  if (chip !== undefined) {
    rows.push(["chip", chip.description]);
    rows.push(["flash", chip.flashBytes === 0 ? "unknown" : `${chip.flashBytes / (1024 * 1024)} MB`]);
    rows.push(["MAC", chip.mac]);
  }
  if (board === undefined) rows.push(["firmware", "none that answers"]);
  else {
    const { freeVariables, totalVariables, variableBytes } = board;
    const kib = (bytes: number) => `${Math.round(bytes / 1024)} KiB`;
    rows.push(["firmware", `Espruino ${board.interpreter.version}, board ${board.interpreter.board}`]);
    rows.push([
      "free memory",
      `${freeVariables} of ${totalVariables} variables (${kib(freeVariables * variableBytes)})`,
    ]);
    rows.push(["free storage", `${kib(board.storageFreeBytes)} of ${kib(board.storageTotalBytes)}`]);
    if (board.network !== undefined) rows.push(["network", describeNetwork(board.network)]);
    rows.push(["runtime", board.hasRuntime ? "starts with the board" : "none"]);
    if (board.node !== undefined) {
      rows.push(["name", board.name ?? ""], ["node", board.node], ["gateway", board.gateway ?? ""]);
      rows.push(["networks", listed(board.networks)]);
      rows.push(["providers", listed(board.providers)]);
    }
  }
  return alignColumns(rows);
}

function listed(names: readonly string[] = []): string {
  return names.length === 0 ? "none" : names.join(", ");
}
