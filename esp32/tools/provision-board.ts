import { z } from "zod";
import type { Clock } from "../../core/clock.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { LATE, withDeadline } from "../../platform/deadline.js";
import { type BoardSettings, boardSettingsSchema, SETTINGS_FILE } from "../board-settings.js";
import { BoardConsole, type Interpreter } from "./board-console.js";
import { describeNetwork, readBoardNetwork } from "./board-network.js";
import { BoardStorage, type StorageFile } from "./board-storage.js";
import type { BytePort } from "./byte-port.js";
import { parseBoardLogLine } from "./console-lines.js";
import { restartBoard } from "./restart-board.js";
import { BOOT_FILE, boardFiles, type RuntimeFiles } from "./runtime-files.js";
import { switchBluetooth } from "./switch-bluetooth.js";

/** What a person wants on a board. */
export interface Provision {
  readonly runtime: RuntimeFiles;
  /** Makes the settings, knowing the board and what it had before. */
  settings(interpreter: Interpreter, previous: BoardSettings | undefined): Promise<BoardSettings>;
  /** Whether Bluetooth is to be on; undefined: as it is. */
  readonly bluetooth?: boolean | undefined;
  /** Empties the storage first, function images and foreign programs included. */
  readonly clear: boolean;
  /** How long to wait for the registration, milliseconds; 0: do not wait. */
  readonly waitMs: number;
}

/** Takes what happens meanwhile. */
export interface ProvisionReport {
  note(text: string): void;
  progress(file: string, sent: number, total: number): void;
}

/** What became of it. */
export interface Provisioned {
  readonly settings: BoardSettings;
  readonly firmware: string;
  /** Files that were written; the others were there already. */
  readonly written: readonly string[];
  /** What the gateway called the board; undefined when nobody waited. */
  readonly registration: string | undefined;
}

/** How long a board may take until its interpreter answers: it may be tidying its storage, milliseconds. */
const ANSWERS_MS = 40_000;
/** When a person is told of that, milliseconds. */
const TOLD_MS = 6_000;
/** How long a board that did not register may take to tell why, milliseconds. */
const ASK_MS = 3_000;

/** Files with which Espruino starts other programs (Espruino reference, `save`, `E.setBootCode`). */
const FOREIGN_PROGRAMS = [".bootcde", ".bootrst", ".varimg", ".bootPowerOn", ".boot1", ".boot2", ".boot3"];

/**
 * Puts the device runtime and its settings on a board and waits until it has registered. The file that starts the runtime is
 * erased first and written last: a board on which this was interrupted is a plain interpreter, and it can be repeated. The settings are
 * the former ones or the new ones at any time.
 * @throws EdgelessError EDGELESS_SERIAL_CONSOLE, EDGELESS_SERIAL_LOST, EDGELESS_SERIAL_VERIFY, EDGELESS_BOARD_FULL,
 * EDGELESS_REJECTED for a board with another program, EDGELESS_BOARD_NOT_REGISTERED
 */
export async function provisionBoard(
  port: BytePort,
  clock: Clock,
  wanted: Provision,
  report: ProvisionReport,
): Promise<Provisioned> {
  const console = new BoardConsole(port, clock);
  const storage = new BoardStorage(console);
  const attach = () => attachQuietly(console, clock, report);
  const interpreter = await attach();
  report.note(`Espruino ${interpreter.version} on ${interpreter.board || "an unknown board"}`);
  const names = await storage.names();
  const foreign = names.filter((name) => FOREIGN_PROGRAMS.includes(name));
  if (foreign.length > 0 && !wanted.clear)
    throw new EdgelessError(
      "EDGELESS_REJECTED",
      `the board holds another program (${foreign.join(", ")}); --clear erases it`,
    );
  const previous = await readSettings(storage, names, report);
  const settings = await wanted.settings(interpreter, previous);

  for (const name of [BOOT_FILE, ...foreign]) if (names.includes(name)) await storage.erase(name);
  // Whatever runs uses memory and files, also a runtime whose start an interrupted run has erased.
  await restartBoard(port, console, interpreter, clock);
  await attach();
  if (wanted.bluetooth !== undefined) {
    const variables = await switchBluetooth(console, clock, wanted.bluetooth);
    if (variables === undefined) report.note("this firmware has no Bluetooth that can be switched");
    else report.note(`Bluetooth is ${wanted.bluetooth ? "on" : "off"}: ${variables} variables`);
  }
  const files = boardFiles(wanted.runtime, settings);
  const kept = files.find(({ name }) => name === SETTINGS_FILE);
  const isCleared = wanted.clear && kept !== undefined;
  if (isCleared) await storage.eraseAllBut(kept);
  else await eraseStale(storage, names, wanted.runtime);
  const written = await writeFiles(storage, files, report, isCleared ? [kept.name] : []);

  const registered = registration(console, report);
  try {
    await restartBoard(port, console, interpreter, clock);
    if (wanted.waitMs === 0)
      return { settings, firmware: wanted.runtime.version, written, registration: undefined };
    report.note("waiting for the board to register");
    const outcome = await withDeadline(clock, wanted.waitMs, Promise.race([registered.done, lost(port)]));
    if (outcome !== LATE)
      return { settings, firmware: wanted.runtime.version, written, registration: outcome };
  } finally {
    registered.stop();
  }
  const { address, port: number } = settings.gateway;
  throw new EdgelessError(
    "EDGELESS_BOARD_NOT_REGISTERED",
    `the board did not register with ${address}:${number} within ${wanted.waitMs / 1000} s; ${await whyNot(console)}`,
  );
}

/** How far a board came that did not register. */
async function whyNot(console: BoardConsole): Promise<string> {
  try {
    await console.attach(false, ASK_MS);
    const network = await readBoardNetwork(console);
    return network === undefined ? "it has no Wi-Fi" : describeNetwork(network);
  } catch (error) {
    return `and its console does not answer: ${reasonOf(error)}`;
  }
}

/** Without an echo, should a packet be taken for typing. A restart brings it back. */
async function attachQuietly(
  console: BoardConsole,
  clock: Clock,
  report: ProvisionReport,
): Promise<Interpreter> {
  const told = clock.setTimer(TOLD_MS, () =>
    report.note("no answer yet: the board may be starting, be busy with its storage, or have no Espruino"),
  );
  try {
    const interpreter = await console.attach(true, ANSWERS_MS);
    await console.query(z.unknown(), "echo(0)");
    return interpreter;
  } finally {
    told.cancel();
  }
}

/** What a board had before; settings that cannot be used count as none. */
async function readSettings(
  storage: BoardStorage,
  names: readonly string[],
  report: ProvisionReport,
): Promise<BoardSettings | undefined> {
  if (!names.includes(SETTINGS_FILE)) return undefined;
  const text = (await storage.readText(SETTINGS_FILE)) ?? "";
  try {
    const parsed = boardSettingsSchema.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
  } catch {
    // Told below, as is JSON of the wrong shape.
  }
  report.note(`the old ${SETTINGS_FILE} of the board cannot be used and is replaced`);
  return undefined;
}

/** Removes what other versions left: their files, a second slot of an update over the air, the journal of boots. */
async function eraseStale(
  storage: BoardStorage,
  names: readonly string[],
  runtime: RuntimeFiles,
): Promise<void> {
  const kept = new Set([SETTINGS_FILE, ...runtime.files.map(({ name }) => name)]);
  for (const name of names) if (/^(b\.)?edgeless\b/.test(name) && !kept.has(name)) await storage.erase(name);
}

/** @param before names of files that were written already */
async function writeFiles(
  storage: BoardStorage,
  files: readonly StorageFile[],
  report: ProvisionReport,
  before: readonly string[],
): Promise<readonly string[]> {
  const written: string[] = [];
  for (const file of files) {
    const onProgress = (sent: number) => report.progress(file.name, sent, file.bytes.length);
    // A part of these would do harm: no settings, or a runtime that begins to start.
    const isAllOrNothing = file.name === SETTINGS_FILE || file.name === BOOT_FILE;
    const isWritten = isAllOrNothing
      ? await storage.replace(file, onProgress)
      : await storage.write(file, onProgress);
    if (isWritten || before.includes(file.name)) written.push(file.name);
  }
  return written;
}

/** Listens for the line with which the runtime tells that it has registered, and passes warnings on. */
function registration(
  console: BoardConsole,
  report: ProvisionReport,
): { readonly done: Promise<string>; stop(): void } {
  let stop = () => {};
  const done = new Promise<string>((resolve) => {
    stop = console.onLine((line) => {
      const log = parseBoardLogLine(line);
      if (log === undefined) return;
      const match = /^registered as (\S+)/.exec(log.text);
      if (match !== null) resolve(match[1] ?? "");
      else if (log.level <= 3) report.note(`the board says: ${log.text}`);
    });
  });
  return { done, stop };
}

async function lost(port: BytePort): Promise<never> {
  const reason = await port.lost;
  throw new EdgelessError("EDGELESS_SERIAL_LOST", `${port.name} went away: ${reason}`);
}
