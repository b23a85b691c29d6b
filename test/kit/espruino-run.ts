import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flashImage } from "./espruino-board.js";
import { ESPRUINO } from "./espruino-process.js";
import { eventually } from "./eventually.js";

/** Why tests are left out where there is no interpreter. */
export const NO_ESPRUINO = "ESPRUINO names no interpreter";

/** A real interpreter in a folder of its own, whose flash memory outlives power cycles. */
export class EspruinoRun {
  /** What it printed since it was switched on. */
  output = "";
  readonly #folder = mkdtempSync(join(tmpdir(), "espruino-"));
  #child: ChildProcess | undefined;

  /** Puts files into its flash memory, which loses all others. */
  store(files: Readonly<Record<string, string>>): this {
    writeFileSync(join(this.#folder, "espruino.flash"), flashImage(new Map(Object.entries(files))));
    return this;
  }

  /** Switches it on; a script is run as if it had been typed, without one the flash memory decides. */
  powerOn(script?: string): this {
    this.powerOff();
    if (ESPRUINO === undefined) throw new Error(NO_ESPRUINO);
    this.output = "";
    if (script !== undefined) writeFileSync(join(this.#folder, "script.js"), script);
    // Its standard input has to stay open.
    const child = spawn(ESPRUINO, script === undefined ? [] : ["script.js"], {
      cwd: this.#folder,
      stdio: ["pipe", "pipe", "ignore"],
    });
    child.stdout.on("data", (chunk: Buffer) => {
      this.output += chunk.toString("latin1");
    });
    this.#child = child;
    return this;
  }

  /** True while it has not ended by itself. */
  get isOn(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null;
  }

  /** Types into its console. */
  type(text: string): void {
    this.#child?.stdin?.write(text);
  }

  /** Waits until it has printed something. */
  async printed(text: string, limitMs = 20_000): Promise<void> {
    try {
      await eventually(text, () => this.output.includes(text), limitMs);
    } catch (error) {
      throw new Error(this.output.slice(-2000), { cause: error });
    }
  }

  /** Pulls the plug. */
  powerOff(): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }

  /** Pulls the plug and forgets its flash memory. */
  remove(): void {
    this.powerOff();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
