import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** How a program of the system is run. */
export interface ProgramOptions {
  readonly cwd: string;
  /** Who runs it when the test is run by root, which some servers refuse. */
  readonly user?: string;
}

/** The path of an installed program, looked for in these folders and then in PATH. */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  const path = (process.env.PATH ?? "").split(delimiter);
  return [...folders, ...path, "/usr/sbin"]
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
}

/** Folders `<top>/<any>/<end>`, such as those of the versions of PostgreSQL; the last name first. */
export function versionFolders(top: string, end: string): string[] {
  if (!existsSync(top)) return [];
  return readdirSync(top)
    .sort()
    .reverse()
    .map((version) => join(top, version, end));
}

/** A fresh folder that belongs to whoever runs the server. */
export function serverFolder(name: string, user?: string): string {
  const folder = mkdtempSync(join(tmpdir(), `edgeless-${name}-`));
  const owner = idsOf(user);
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
  return folder;
}

/** Hands a file to whoever runs the server, who alone may read it then. */
export function giveFile(file: string, user: string): void {
  chmodSync(file, 0o600);
  const owner = idsOf(user);
  if (owner !== undefined) chownSync(file, owner.uid, owner.gid);
}

/** Runs a program to its end. */
export function runProgram(file: string, args: readonly string[], options: ProgramOptions): void {
  const { cwd, user } = options;
  execFileSync(file, [...args], { cwd, ...idsOf(user), stdio: "ignore", timeout: 120_000 });
}

/** A server that a test starts, ends and starts again. */
export class ServerProcess {
  readonly #file: string;
  readonly #args: readonly string[];
  readonly #options: ProgramOptions;
  #child: ChildProcess | undefined;

  constructor(file: string, args: readonly string[], options: ProgramOptions) {
    this.#file = file;
    this.#args = args;
    this.#options = options;
  }

  run(): void {
    const { cwd, user } = this.#options;
    this.#child = spawn(this.#file, [...this.#args], { cwd, ...idsOf(user), stdio: "ignore" });
  }

  /** Stops it from answering, with all connections open. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill(signal);
    await ended;
  }

  /** Ends it and removes its folder. */
  async close(): Promise<void> {
    await this.end("SIGKILL");
    rmSync(this.#options.cwd, { recursive: true, force: true, maxRetries: 5 });
  }
}

function idsOf(user: string | undefined): { uid: number; gid: number } | undefined {
  if (user === undefined || process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync("id", [flag, user], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}
