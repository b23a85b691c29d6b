import type { BytePort } from "../../esp32/tools/byte-port.js";
import { withDeadline } from "../../platform/deadline.js";
import { systemClock } from "../../platform/system-clock.js";
import type { Output } from "../output.js";
import { openChosenPort, type PortOptions } from "./choose-port.js";
import { ProgressBar } from "./progress-bar.js";

/** What shells tell of a command that a signal ended: 128 and its number. */
const STATUS = { SIGINT: 130, SIGTERM: 143 } as const;
/** Longest that a port may take to close after a signal, milliseconds. */
const CLOSE_MS = 1_000;

/**
 * Opens the port that is meant, and closes it when `work` is over or a signal comes; the board is not left in reset then.
 * @param baudRate bits per second; undefined: as the options say
 * @throws EdgelessError those of the port and of `work`
 */
export async function withPort<T>(
  options: PortOptions,
  output: Output,
  baudRate: number | undefined,
  work: (port: BytePort, bar: ProgressBar) => Promise<T>,
): Promise<T> {
  const bar = new ProgressBar(process.stderr);
  let port: BytePort | undefined;
  let isOver = false;
  const end = (signal: keyof typeof STATUS) => {
    if (isOver) process.exit(STATUS[signal]);
    isOver = true;
    bar.clear();
    output.note("interrupted; the command can be repeated");
    void letGo(port).finally(() => process.exit(STATUS[signal]));
  };
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
  try {
    port = await openChosenPort(options, baudRate);
    return await work(port, bar);
  } catch (error) {
    // What fails because the port was closed says nothing new.
    if (isOver) await new Promise(() => {});
    throw error;
  } finally {
    bar.clear();
    await port?.close();
    process.off("SIGINT", end);
    process.off("SIGTERM", end);
  }
}

/** Releases the reset line and closes the port, as far as that can still be done. */
async function letGo(port: BytePort | undefined): Promise<void> {
  if (port === undefined) return;
  const closed = port
    .setSignals({ dtr: false, rts: false })
    .catch(() => {})
    .then(() => port.close());
  await withDeadline(systemClock, CLOSE_MS, closed);
}
