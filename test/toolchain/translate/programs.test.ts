import fc from "fast-check";
import t from "tap";
import { runPrepared } from "../image/guest-runs.js";
import { randomProgram } from "../image/random-program.js";
import { runTranslated } from "./translated-run.js";

const choices = fc.array(fc.nat(0xffff), { minLength: 200, maxLength: 1500, size: "max" });

/** A call, short enough to be written in place, of a function that returns a local nobody set. */
const UNSET_LOCAL = [5, 13432, 8224, 0, 0, 7, ...new Array<number>(194).fill(0)];

interface Outcome {
  readonly end: string;
  readonly memory: string;
  readonly calls: readonly string[];
}

/** Without the message of a trap, and without the memory after one, which nobody can see. */
function visible({ end, memory, calls }: Outcome): string {
  const trapped = end.startsWith("trapped");
  const seen = [trapped ? "trapped" : end, trapped ? "" : withOneNaN(memory), calls.map(withOneNaN)];
  return JSON.stringify(seen);
}

/** What ends with a memory in base64, with the same bits for every NaN in it: which ones it has is up to the engine. */
function withOneNaN(text: string): string {
  const start = text.lastIndexOf(" ") + 1;
  const bytes = Uint8Array.from(Buffer.from(text.slice(start), "base64"));
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + 8 <= bytes.length; at += 4) {
    if (at % 8 === 0 && Number.isNaN(view.getFloat64(at, true))) view.setBigUint64(at, NAN, true);
    else if (Number.isNaN(view.getFloat32(at, true))) view.setUint32(at, NAN_SINGLE, true);
  }
  return text.slice(0, start) + Buffer.from(bytes).toString("base64");
}

const NAN = 0x7ff8000000000000n;
const NAN_SINGLE = 0x7fc00000;

t.setTimeout(180_000);

t.test(
  "given any program, when it is translated, then it does what it does in the engine, waiting or not",
  async (t) => {
    let suspensions = 0;
    let returned = 0;
    fc.assert(
      fc.property(choices, (tape) => {
        const wasm = randomProgram(tape);
        const expected = runPrepared(wasm, "handle_init_asm", () => false, 50_000);
        if (expected.end === "out of fuel") return true;
        const direct = runTranslated(wasm, "handle_init_asm", () => false);
        const waiting = runTranslated(wasm, "handle_init_asm", () => true);
        suspensions += waiting.suspensions;
        returned += direct.end === "returned" ? 1 : 0;
        return visible(direct) === visible(expected) && visible(waiting) === visible(expected);
      }),
      { numRuns: 200, examples: [[UNSET_LOCAL]] },
    );
    t.ok(suspensions > 200, `the programs waited ${suspensions} times`);
    t.ok(returned > 100, `${returned} programs ran to their end`);
  },
);
