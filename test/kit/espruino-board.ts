import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.js";

/** Flash of the interpreter for Linux, bytes, and what files in it are aligned to. */
const FLASH_BYTES = 896 * 1024;
const ALIGNMENT = 4;
const HEADER_BYTES = 32;
const NAME_AT = 4;

/**
 * A boot file that reports free memory all the time. A test does not type at the console: the interpreter for Linux reads it on a
 * thread of its own, and mixes up what arrives while it works.
 */
export const MEMORY_PROBE = `setInterval(function(){print("free="+process.memory().free+"!")},200)`;

/** A board: an Espruino for Linux in a process and a folder of its own, with its console on a pipe. */
export class EspruinoBoard {
  /** Everything that it printed. */
  output = "";
  readonly #folder = mkdtempSync(join(tmpdir(), "edgeless-board-"));
  readonly #interpreter: string;
  #process: ChildProcessWithoutNullStreams | undefined;

  /**
   * @param interpreter path of the program
   * @param files what is in its flash: content by name
   */
  constructor(interpreter: string, files: ReadonlyMap<string, string>) {
    this.#interpreter = interpreter;
    writeFileSync(join(this.#folder, "espruino.flash"), flashImage(files));
  }

  /** Switches it on. Files in flash with names from `.boot0` run first. */
  powerOn(): void {
    const process = spawn(this.#interpreter, [], { cwd: this.#folder });
    process.stdout.setEncoding("latin1").on("data", (text: string) => {
      this.output += text;
    });
    process.stdin.on("error", () => {});
    this.#process = process;
  }

  /** Pulls the plug. */
  powerOff(): void {
    this.#process?.kill("SIGKILL");
    this.#process = undefined;
  }

  /** Waits until something is printed. */
  says(pattern: RegExp, withinMs?: number): Promise<RegExpExecArray> {
    return eventually(`${pattern} on the console`, () => pattern.exec(this.output) ?? undefined, withinMs);
  }

  /** Variables that are free while nothing runs, garbage aside; those of {@link MEMORY_PROBE} count as used. */
  async freeVariables(): Promise<number> {
    const from = this.output.length;
    const read = () => [...this.output.slice(from).matchAll(/free=(\d+)!/g)];
    // The first one may be from before.
    const [, second] = await eventually("a report of the memory", () =>
      read().length > 1 ? read() : undefined,
    );
    return Number(second?.[1]);
  }

  close(): void {
    this.powerOff();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The content of a flash with these files, as the interpreter keeps it. */
export function flashImage(files: ReadonlyMap<string, string>): Buffer {
  const flash = Buffer.alloc(FLASH_BYTES, 0xff);
  let at = 0;
  for (const [name, content] of files) {
    flash.fill(0, at, at + HEADER_BYTES);
    flash.writeUInt32LE(content.length, at);
    flash.write(name, at + NAME_AT, "latin1");
    flash.write(content, at + HEADER_BYTES, "latin1");
    at += HEADER_BYTES + Math.ceil(content.length / ALIGNMENT) * ALIGNMENT;
  }
  return flash;
}
