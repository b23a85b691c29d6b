import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { EdgelessError } from "../../core/errors.js";
import type { Compilation, CompileTask } from "./compilation.js";

/** How long one compilation may take, in milliseconds; the first one includes starting the compiler. */
export const COMPILE_DEADLINE_MS = 120_000;

interface CompilerAnswer {
  readonly number: number;
  readonly compilation?: Compilation;
  readonly failure?: string;
}

interface Waiting {
  readonly done: (compilation: Compilation) => void;
  readonly failed: (error: EdgelessError) => void;
}

/**
 * The AssemblyScript compiler in a process of its own: it needs some hundred megabytes, which `close` gives back.
 * The first task starts it (about a second); later ones take a fraction of that.
 */
export class CompilerProcess {
  readonly #deadlineMs: number;
  readonly #waiting = new Map<number, Waiting>();
  #child: ChildProcess | undefined;
  #complaint = "";
  #number = 0;

  constructor(deadlineMs = COMPILE_DEADLINE_MS) {
    this.#deadlineMs = deadlineMs;
  }

  /**
   * Compiles one function. Errors in the source are in the result.
   * @throws EdgelessError EDGELESS_COMPILE when the compiler itself fails, EDGELESS_TIMEOUT
   */
  compile(task: CompileTask): Promise<Compilation> {
    const child = this.#start();
    const number = this.#number++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#fail(
          new EdgelessError(
            "EDGELESS_TIMEOUT",
            `compiling ${task.folder} took more than ${this.#deadlineMs} ms`,
          ),
        );
      }, this.#deadlineMs);
      this.#waiting.set(number, {
        done: (compilation) => {
          clearTimeout(timer);
          resolve(compilation);
        },
        failed: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      child.send({ number, task });
    });
  }

  /** Ends the process; tasks under way are rejected. */
  close(): void {
    this.#fail(new EdgelessError("EDGELESS_COMPILE", "the compiler was closed"));
  }

  #start(): ChildProcess {
    if (this.#child !== undefined) return this.#child;
    // Beside this file: JavaScript when compiled, TypeScript when run from source.
    const path = fileURLToPath(new URL("./compiler-child.js", import.meta.url));
    const script = import.meta.url.endsWith(".ts") ? path.replace(/\.js$/, ".ts") : path;
    const child = fork(script, [], { serialization: "advanced", stdio: ["ignore", "ignore", "pipe", "ipc"] });
    this.#complaint = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-2000);
    });
    child.on("message", (answer: CompilerAnswer) => this.#answer(answer));
    child.on("error", (error) => this.#failOf(child, `the compiler cannot be started: ${error.message}`));
    child.on("exit", () => this.#failOf(child, `the compiler failed: ${lastError(this.#complaint)}`));
    this.#child = child;
    return child;
  }

  #answer(answer: CompilerAnswer): void {
    const waiting = this.#waiting.get(answer.number);
    this.#waiting.delete(answer.number);
    if (answer.compilation !== undefined) waiting?.done(answer.compilation);
    else
      waiting?.failed(new EdgelessError("EDGELESS_COMPILE", answer.failure ?? "the compiler gave no result"));
  }

  #failOf(child: ChildProcess, reason: string): void {
    if (child === this.#child) this.#fail(new EdgelessError("EDGELESS_COMPILE", reason));
  }

  #fail(error: EdgelessError): void {
    const child = this.#child;
    this.#child = undefined;
    child?.kill();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const each of waiting) each.failed(error);
  }
}

/** Of what a process said before it ended, the error alone, without its stack and what goes with it. */
function lastError(complaint: string): string {
  const [error] = /\b\w*Error: [^\n]*/.exec(complaint) ?? [];
  if (error?.includes("call stack") === true) return `${error}: something in the source is nested too deeply`;
  return error ?? complaint.trim().split("\n").at(-1) ?? "";
}
