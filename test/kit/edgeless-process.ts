import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { eventually } from "./eventually.js";
import { ROOT } from "./repository.js";

/** What a finished command left behind. */
export interface Finished {
  /** Exit status; undefined when a signal ended it. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running `edgeless …` command, as a user would start it. */
export class EdgelessProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | undefined>;
  stdout = "";
  stderr = "";

  /** @param cwd its working directory */
  constructor(args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(process.execPath, [join(ROOT, "dist/cli/main.js"), ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout?.on("data", (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.#ended = new Promise((resolve) => this.#child.on("close", (status) => resolve(status ?? undefined)));
  }

  /** Waits until standard output matches. */
  async says(pattern: RegExp, withinMs = 20_000): Promise<RegExpExecArray> {
    try {
      return await eventually(`output ${pattern}`, () => pattern.exec(this.stdout) ?? undefined, withinMs);
    } catch (error) {
      throw new Error(`stdout: ${this.stdout}\nstderr: ${this.stderr}`, { cause: error });
    }
  }

  /** Waits for the end. */
  async finished(): Promise<Finished> {
    const status = await this.#ended;
    return { status, stdout: this.stdout, stderr: this.stderr };
  }

  /** Ends it with SIGTERM and waits. */
  async stop(): Promise<Finished> {
    this.#child.kill("SIGTERM");
    return this.finished();
  }

  /** Ends it with SIGKILL, as a crash would, and waits. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

/** Runs an `edgeless …` command to its end. */
export function edgeless(args: readonly string[], cwd: string): Promise<Finished> {
  return new EdgelessProcess(args, cwd).finished();
}
