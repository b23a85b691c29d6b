import fc from "fast-check";
import t from "tap";
import { smallerModule } from "../../../toolchain/assemblyscript/smaller-module.js";
import { startedModule } from "../../../toolchain/start/started-module.js";
import { Op } from "../../../toolchain/wasm/opcode.js";
import { readModule } from "../../../toolchain/wasm/read-module.js";
import { ValueType } from "../../../toolchain/wasm/value-type.js";
import { buildGuest, type GuestModule } from "../image/guest-module.js";
import { runPrepared } from "../image/guest-runs.js";
import { randomProgram } from "../image/random-program.js";
import { visible } from "../image/visible-run.js";
import { runTranslated } from "../translate/translated-run.js";

const { i32 } = ValueType;
const choices = fc.array(fc.nat(0xffff), { minLength: 200, maxLength: 1500, size: "max" });

/** A module whose start function has this code. */
function starting(code: readonly number[], more: Partial<GuestModule> = {}): Uint8Array {
  return buildGuest({
    functions: [{ type: { params: [], results: [] }, code: [...code, Op.end] }],
    start: 0,
    globals: [i32],
    pages: [1, 1],
    ...more,
  });
}

t.setTimeout(180_000);

t.test(
  "given a program with a start function, when that is carried out beforehand, then the program does the same",
  async (t) => {
    let started = 0;
    fc.assert(
      fc.property(choices, (tape) => {
        const wasm = randomProgram(tape, { starts: true });
        const before = startedModule(wasm);
        if (before === wasm) return true;
        const expected = runPrepared(wasm, "handle_init_asm", () => false, 50_000);
        if (expected.end === "out of fuel") return true;
        started += 1;
        return [before, smallerModule(wasm)].every(
          (module) =>
            visible(runPrepared(module, "handle_init_asm", () => false, 50_000)) === visible(expected) &&
            visible(runTranslated(module, "handle_init_asm", () => false)) === visible(expected),
        );
      }),
      { numRuns: 300 },
    );
    t.ok(started > 40, `${started} programs were started beforehand`);
  },
);

t.test("given a start function that only computes, then its memory and globals are data", async (t) => {
  const store = [Op.i32Const, 8, Op.i32Const, 42, Op.i32Store, 2, 0];
  const wasm = starting([...store, Op.memorySize, 0, Op.globalSet, 0]);
  const module = readModule(startedModule(wasm));
  t.equal(module.start, undefined);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(startedModule(wasm)));
  t.equal(new Uint8Array((exports.memory as WebAssembly.Memory).buffer)[8], 42);
});

t.test("given a start function that cannot be carried out beforehand, then the module stays", async (t) => {
  const call = [Op.i32Const, 0, Op.i32Const, 0, Op.i32Const, 0, Op.i32Const, 0, Op.call, 0];
  const modules = {
    "asks the host": starting(call, { imports: ["cast_asm"] }),
    traps: starting([Op.unreachable]),
    "never ends": starting([Op.loop, 0x40, Op.br, 0, Op.end]),
    "calls itself for ever": starting([Op.call, 0]),
    "is not there": buildGuest({}),
  };
  for (const [name, wasm] of Object.entries(modules)) {
    const before = performance.now();
    t.equal(startedModule(wasm), wasm, name);
    t.ok(performance.now() - before < 2000, `${name}: soon`);
  }
});
