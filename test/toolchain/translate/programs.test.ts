import fc from "fast-check";
import t from "tap";
import { runPrepared } from "../image/guest-runs.js";
import { randomProgram } from "../image/random-program.js";
import { visible } from "../image/visible-run.js";
import { runTranslated } from "./translated-run.js";

const choices = fc.array(fc.nat(0xffff), { minLength: 200, maxLength: 1500, size: "max" });

/** A call, short enough to be written in place, of a function that returns a local nobody set. */
const UNSET_LOCAL = [5, 13432, 8224, 0, 0, 7, ...new Array<number>(194).fill(0)];

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
