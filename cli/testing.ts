import { readFile } from "node:fs/promises";
import type { Happening } from "./functions/happening.js";
import { HostedFunction, type HostedFunctionOptions } from "./functions/hosted-function.js";

// What `import … from "edgeless-ts/testing"` gives: the means to test a function.

export type { Answer } from "./functions/hosted-function.js";

/** How a function is started for a test. */
export type LoadOptions = HostedFunctionOptions;

/**
 * Something a function sent: how (`cast`, `call`, `cast-raw`, `call-raw`), where to (the output channel; for the raw
 * ones `source` or an instance id), and what.
 */
export type Sent = readonly [kind: "cast" | "call" | "cast-raw" | "call-raw", to: string, payload: string];

/** A function that runs for a test, in the host that nodes run it in. */
export interface LoadedFunction {
  /** Sends a cast and lets it be handled; rejects when that ended the function. */
  cast(payload: string): Promise<void>;
  /** Sends a call; null: no reply. Rejects when the function answers with an error, or ended. */
  call(payload: string): Promise<string | null>;
  /** Lets milliseconds pass, without waiting for them: delayed casts run. */
  advance(ms: number): Promise<void>;
  /** Stops the function, which runs its stop handler. */
  stop(): Promise<void>;
  /** What the function sent since this was asked last, in order. What it sends itself does not count. */
  sent(): Sent[];
  /** Its log lines since this was asked last, each as `level target: message`. */
  logs(): string[];
  /** What it handed over with `sync` last. */
  readonly state: string | undefined;
}

/**
 * Starts the function of a module and lets its init handler run.
 * @param file the module: `new URL("./NAME.wasm", import.meta.url)`, or a path from the working directory
 * @throws EdgelessError when the module cannot be loaded or traps in its init handler
 */
export async function loadFunction(file: string | URL, options: LoadOptions = {}): Promise<LoadedFunction> {
  const sent: Sent[] = [];
  const logs: string[] = [];
  let state = options.state;
  const observe = (happening: Happening) => {
    if (happening.type === "state") state = happening.state;
    else if (happening.type === "log") {
      logs.push(`${happening.level} ${happening.target}: ${happening.message}`);
    } else if ("output" in happening) sent.push([happening.type, happening.output, happening.payload]);
    else if ("payload" in happening) sent.push([happening.type, happening.target, happening.payload]);
  };
  const hosted = await HostedFunction.start(await readFile(file), options, observe);
  return {
    cast: (payload) => hosted.cast(payload),
    call: (payload) => hosted.call(payload),
    advance: (ms) => hosted.advance(ms),
    stop: () => hosted.stop(),
    sent: () => sent.splice(0),
    logs: () => logs.splice(0),
    get state() {
      return state;
    },
  };
}
