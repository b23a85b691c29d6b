import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { eventually } from "../../../kit/eventually.js";
import { ROOT } from "../../../kit/repository.js";

/** A function on the skeleton that does what its messages say. */
export const PROBE = join(ROOT, "test/node/containers/kit/probe-function.mjs");
/** The skeleton as it is. */
export const SKELETON = join(ROOT, "functions/container-skeleton/src/main.ts");

/** A function outside the node, as an ordinary process. */
export class FunctionProcess {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess, ended: Promise<unknown>, url: string) {
    this.#child = child;
    this.#ended = ended;
    this.url = url;
  }

  /** Starts a program and waits until it listens. */
  static async start(program: string, ...args: readonly string[]): Promise<FunctionProcess> {
    const child = spawn(process.execPath, ["--import", "tsx", program, ...args], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = new Promise((resolve) => child.once("close", resolve));
    let output = "";
    const keep = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    try {
      const url = await eventually("the function listens", () => /http:\/\/\S+/.exec(output)?.[0], 60_000);
      return new FunctionProcess(child, ended, url);
    } catch (error) {
      child.kill("SIGKILL");
      throw new Error(output, { cause: error });
    }
  }

  /** Starts the probe; port 0 takes any free one. */
  static probe(port = 0): Promise<FunctionProcess> {
    return FunctionProcess.start(PROBE, `http://127.0.0.1:${port}`);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}
