import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { ROOT } from "./repository.js";

const run = promisify(execFile);

/** Where `.ci/run` puts Python packages that Debian does not have, then what is usual. */
const PYTHONS = [join(homedir(), ".cache/edgeless/coap-peers/bin/python"), "python3", "/usr/bin/python3"];
const python = PYTHONS.find((path) => spawnSync(path, ["-c", "import aiocoap, cbor2"]).status === 0);

/** Why tests with aiocoap are left out, as `tap` wants it; false when they can run. */
export const NO_AIOCOAP: string | false =
  python === undefined ? "aiocoap and cbor2 are not installed (pip install aiocoap cbor2)" : false;

const READ_BY_CBOR2 = `
import io, sys, cbor2
for line in sys.stdin:
    stream = io.BytesIO(bytes.fromhex(line))
    try:
        cbor2.CBORDecoder(stream).decode()
        print(stream.tell() if len(stream.read()) == 0 else -1)
    except Exception:
        print(-1)
`;

/** For each input whether cbor2 reads it as one item that ends with it. */
export function isReadByCbor2(inputs: readonly Uint8Array[]): boolean[] {
  if (python === undefined) throw new Error("no cbor2");
  const input = inputs.map((bytes) => `${Buffer.from(bytes).toString("hex")}\n`).join("");
  const { stdout } = spawnSync(python, ["-c", READ_BY_CBOR2], { input, encoding: "utf8" });
  return stdout
    .trim()
    .split("\n")
    .map((line) => Number(line) >= 0);
}

/** Why tests with libcoap are left out, as `tap` wants it; false when they can run. */
export const NO_LIBCOAP: string | false =
  spawnSync("coap-client-notls", ["-v", "0"]).error === undefined
    ? false
    : "libcoap is not installed (apt-get install libcoap3-bin)";

/** Runs libcoap's client and returns what it printed. */
export async function libcoapClient(...args: string[]): Promise<string> {
  const { stdout, stderr } = await run("coap-client-notls", ["-B", "20", ...args], { timeout: 30_000 });
  return stdout + stderr;
}

/** What an {@link AiocoapPeer} says about one step. */
export interface Step {
  readonly step: string;
  readonly [fact: string]: unknown;
}

/** A gateway or a device made of aiocoap, see `aiocoap-peer.py`. */
export class AiocoapPeer {
  readonly steps: Step[] = [];
  /** What it complained of. */
  complaints = "";
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(...args: string[]) {
    if (python === undefined) throw new Error("no aiocoap");
    this.#child = spawn(python, [join(ROOT, "test/kit/aiocoap-peer.py"), ...args]);
    const { stdout, stderr } = this.#child;
    if (stdout === null || stderr === null) throw new Error("no output");
    createInterface({ input: stdout }).on("line", (line) => this.steps.push(JSON.parse(line) as Step));
    stderr.on("data", (chunk: Buffer) => {
      this.complaints += chunk.toString();
    });
    this.#ended = new Promise((resolve) => this.#child.once("close", () => resolve()));
  }

  /** Facts of a step; undefined when it was not made (yet). */
  step(name: string): Step | undefined {
    return this.steps.find(({ step }) => step === name);
  }

  /** Tells it to come to its end, and waits for that. */
  async finish(): Promise<void> {
    this.#child.stdin?.end();
    await this.#ended;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}
