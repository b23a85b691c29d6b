import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { flashImage } from "./espruino-flash.js";
import { eventually } from "./eventually.js";

/** The path of a real Espruino for Linux; undefined when the environment names none. */
export const ESPRUINO = process.env.ESPRUINO === "" ? undefined : process.env.ESPRUINO;

/** Why tests are left out where there is no interpreter; false where there is one. */
export const NO_ESPRUINO = ESPRUINO === undefined ? "ESPRUINO names no interpreter" : false;

/**
 * A boot file that reports free memory all the time. A test does not type at the console: the interpreter for Linux reads it on a
 * thread of its own, and mixes up what arrives while it works.
 */
export const MEMORY_PROBE = `setInterval(function(){print("free="+process.memory().free+"!")},200)`;

type Interpreter = ChildProcessByStdio<Writable, Readable, null>;

/** A board: an Espruino for Linux in a process and a folder of its own, with its console on a pipe and a flash that outlives power. */
export class EspruinoBoard {
  /** What it printed since it was switched on. */
  output = "";
  /** What it printed before that, and how often it was switched on or started anew. */
  history = "";
  starts = 0;
  readonly #folder = mkdtempSync(join(tmpdir(), "edgeless-board-"));
  #child: Interpreter | undefined;
  #staysOn = false;
  #server: Server | undefined;
  #client: Socket | undefined;

  /** Puts files into its flash memory, which loses all others. */
  store(files: Readonly<Record<string, string>>): this {
    return this.storeAll(flashImage(files));
  }

  /** Replaces the content of its flash memory. */
  storeAll(content: Uint8Array): this {
    writeFileSync(join(this.#folder, "espruino.flash"), content);
    return this;
  }

  /** Switches it on; a script is run as if it had been typed, without one the flash memory decides. */
  powerOn(script?: string): this {
    if (ESPRUINO === undefined) throw new Error("ESPRUINO names no interpreter");
    this.#pullThePlug();
    this.history += this.output;
    this.output = "";
    this.starts++;
    if (script !== undefined) writeFileSync(join(this.#folder, "script.js"), script);
    // Its standard input has to stay open.
    const child = spawn(ESPRUINO, script === undefined ? [] : ["script.js"], {
      cwd: this.#folder,
      stdio: ["pipe", "pipe", "ignore"],
    });
    child.stdout.on("data", (chunk: Buffer) => {
      this.output += chunk.toString("latin1");
      this.#client?.write(chunk);
    });
    child.stdin.on("error", () => {});
    // What restarts a board ends an interpreter for Linux.
    child.on("exit", () => {
      if (this.#staysOn && this.#child === child) this.powerOn();
    });
    this.#child = child;
    return this;
  }

  /** From now on it starts anew by itself whenever its interpreter ends, as a board does. */
  stayOn(): this {
    this.#staysOn = true;
    return this;
  }

  /** Puts its console behind a TCP port, like a serial bridge; returns its name for `--port`. */
  async serve(): Promise<string> {
    const server = createServer((socket) => {
      this.#client = socket;
      socket.on("error", () => {});
      socket.on("data", (bytes) => this.#child?.stdin.write(bytes));
      socket.on("close", () => {
        if (this.#client === socket) this.#client = undefined;
      });
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    return `tcp://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`;
  }

  /** Types into its console. */
  type(text: string): void {
    this.#child?.stdin.write(text);
  }

  /** Waits until something is printed. */
  async says(pattern: RegExp, withinMs = 20_000): Promise<RegExpExecArray> {
    try {
      return await eventually(
        `${pattern} on the console`,
        () => pattern.exec(this.output) ?? undefined,
        withinMs,
      );
    } catch (error) {
      throw new Error(this.output.slice(-2000), { cause: error });
    }
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

  /** Pulls the plug. */
  powerOff(): void {
    this.#staysOn = false;
    this.#pullThePlug();
  }

  /** Pulls the plug and forgets its flash memory. */
  close(): void {
    this.powerOff();
    this.#server?.close();
    this.#client?.destroy();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** It does not listen to gentler signals. */
  #pullThePlug(): void {
    const child = this.#child;
    this.#child = undefined;
    child?.kill("SIGKILL");
  }
}
