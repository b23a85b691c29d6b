import { createInterface } from "node:readline";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { RetrySchedule } from "../../core/retry-schedule.js";
import { BoardConsole } from "../../esp32/tools/board-console.js";
import type { BytePort } from "../../esp32/tools/byte-port.js";
import { parseBoardLogLine } from "../../esp32/tools/console-lines.js";
import { hardReset } from "../../esp32/tools/hard-reset.js";
import { systemClock } from "../../platform/system-clock.js";
import { systemRandom } from "../../platform/system-random.js";
import { wait } from "../../platform/wait.js";
import type { Output } from "../output.js";
import { untilSignal } from "../until-signal.js";
import { openChosenPort, type PortOptions } from "./choose-port.js";

export interface MonitorOptions extends PortOptions {
  readonly reset?: boolean;
  /** Least urgent level of log lines that are shown. */
  readonly level: string;
  readonly logsOnly?: boolean;
}

const LEVELS = ["", "error", "warn", "info", "debug", "trace"];
/** Between two tries to open a port that went away. */
const REOPEN = { initialMs: 200, factor: 2, maximumMs: 3_000, jitter: 0.2 };

/**
 * Prints what a board says and sends what is typed, until a signal; a port that goes away is opened again when it is back.
 * @throws EdgelessError when the port cannot be opened at first
 */
export async function monitorBoard(options: MonitorOptions, output: Output): Promise<void> {
  const least = LEVELS.indexOf(options.level);
  if (least < 1)
    throw new EdgelessError(
      "EDGELESS_USAGE",
      `--level takes ${LEVELS.slice(1).join(", ")}, not "${options.level}"`,
    );
  let port = await openChosenPort(options);
  let console = attach(port);
  if (options.reset === true) await hardReset(port, systemClock);
  output.note(`${port.name}; what you type is sent, Ctrl-C ends`);
  const typed = createInterface({ input: process.stdin });
  typed.on("line", (line) => {
    console.type(`${line}\n`).catch((error: unknown) => output.note(reasonOf(error)));
  });
  let isOver = false;

  function attach(opened: BytePort): BoardConsole {
    const attached = new BoardConsole(opened, systemClock);
    attached.onLine((line) => printLine(line, least, options.logsOnly === true, output));
    void opened.lost.then(async (reason) => {
      if (isOver) return;
      output.note(`${opened.name} went away: ${reason}; waiting for it`);
      await opened.close();
      await reopen({ ...options, port: opened.name });
    });
    return attached;
  }

  async function reopen(again: PortOptions): Promise<void> {
    const schedule = new RetrySchedule(REOPEN, systemRandom);
    while (!isOver) {
      await wait(systemClock, schedule.nextMs());
      try {
        port = await openChosenPort(again);
        console = attach(port);
        output.note(`${port.name} is back`);
        return;
      } catch {
        // Still away.
      }
    }
  }

  await untilSignal({
    async close() {
      isOver = true;
      typed.close();
      await port.close();
    },
  });
}

function printLine(line: string, least: number, logsOnly: boolean, output: Output): void {
  const log = parseBoardLogLine(line);
  const time = new Date(systemClock.wallMs()).toISOString();
  if (log === undefined) {
    if (!logsOnly && line !== "") output.result(line, { time, text: line });
  } else if (log.level <= least) {
    const level = LEVELS[log.level] ?? "";
    output.result(`${time.slice(11, 23)} ${level.padEnd(5)} ${log.text}`, { time, level, text: log.text });
  }
}
