import fc from "fast-check";
import t from "tap";
import { type GuestImports, SUSPEND } from "../../../toolchain/engine/guest-imports.js";
import { PreparedInstance } from "../../../toolchain/engine/prepared-instance.js";
import { GUEST_EXPORTS } from "../../../toolchain/image/guest-abi.js";
import { prepareImage } from "../../../toolchain/image/prepare.js";
import { Op } from "../../../toolchain/wasm/opcode.js";
import { ValueType } from "../../../toolchain/wasm/value-type.js";
import { buildGuest } from "./guest-module.js";
import { limitedFuel, runPlain, runPrepared } from "./guest-runs.js";
import { randomProgram } from "./random-program.js";

const FUEL = 50_000;
const choices = fc.array(fc.nat(0xffff), { minLength: 200, maxLength: 1500, size: "max" });

/** The largest program the generator can make of these choices still ends at once when they have run out. */
const RUNS = { numRuns: 400 };

t.test(
  "given any program, when its calls suspend it, then it does what it does in the plain engine",
  async (t) => {
    let suspensions = 0;
    let returned = 0;
    fc.assert(
      fc.property(choices, fc.integer({ min: 1, max: 5 }), (tape, every) => {
        const wasm = randomProgram(tape);
        const direct = runPrepared(wasm, "handle_init_asm", () => false, FUEL);
        const always = runPrepared(wasm, "handle_init_asm", () => true, FUEL);
        const sometimes = runPrepared(wasm, "handle_init_asm", (call) => call % every === 0, FUEL);
        suspensions += always.suspensions;
        returned += direct.end === "returned" ? 1 : 0;
        const same = (a: object, b: object) => JSON.stringify(a) === JSON.stringify(b);
        const plain = direct.end === "out of fuel" ? direct : runPlain(wasm, "handle_init_asm");
        return (
          same({ ...always, suspensions: 0 }, direct) &&
          same({ ...sometimes, suspensions: 0 }, direct) &&
          same({ ...direct, fuel: 0 }, { ...plain, fuel: 0, suspensions: 0 })
        );
      }),
      RUNS,
    );
    t.ok(suspensions > 1000, `the programs were suspended ${suspensions} times`);
    t.ok(returned > RUNS.numRuns / 2, `${returned} programs ran to their end`);
  },
);

t.test("given any program, when it is prepared, then the engine accepts the result", async (t) => {
  fc.assert(
    fc.property(choices, (tape) =>
      WebAssembly.validate(prepareImage(randomProgram(tape), { maxMemoryPages: 2 }).module),
    ),
    { numRuns: 200 },
  );
  t.pass();
});

const silent: GuestImports = {
  cast_asm: () => {},
  cast_raw_asm: () => {},
  call_asm: () => SUSPEND,
  call_raw_asm: () => SUSPEND,
  delayed_cast_asm: () => {},
  telemetry_log_asm: () => {},
  slf_asm: () => {},
  sync_asm: () => {},
};

/** Calls the first import and leaves its result on the stack. */
const CALL = [...new Array<readonly number[]>(6).fill([Op.i32Const, 0]).flat(), Op.call, 0];

/** `handle_call_asm` waits in a call and returns its result plus 100; the allocator returns 8 times the length. */
const WAITING = buildGuest({
  imports: ["call_asm"],
  functions: [
    { type: GUEST_EXPORTS.handle_call_asm, code: [Op.i32Const, 0xe4, 0, ...CALL, Op.i32Add, Op.end] },
    { type: GUEST_EXPORTS.edgeless_mem_alloc, code: [Op.localGet, 0, Op.i32Const, 8, 0x6c, Op.end] },
  ],
  handlers: { handle_call_asm: 0, edgeless_mem_alloc: 1 },
});

function instantiate(
  wasm: Uint8Array,
  imports: Partial<GuestImports> = {},
  fuel = limitedFuel(FUEL),
): PreparedInstance {
  const { module } = prepareImage(wasm, { maxMemoryPages: 4 });
  return new PreparedInstance(new WebAssembly.Module(module), { ...silent, ...imports }, fuel);
}

t.test(
  "given a function that waits, when the answer comes, then memory for it can be allocated before it goes on",
  async (t) => {
    const instance = instantiate(WAITING);
    t.same(instance.run("handle_call_asm", 0, 0, 0, 0, 0, 0), { suspended: true });
    t.ok(instance.suspended);
    const outcome = instance.resume(() => {
      t.same(instance.run("edgeless_mem_alloc", 5), { suspended: false, value: 40 });
      return 1;
    });
    t.same(outcome, { suspended: false, value: 101 });
    t.notOk(instance.suspended);
    t.same(
      instance.run("edgeless_mem_alloc", 2),
      { suspended: false, value: 16 },
      "it is as usable as before",
    );
  },
);

t.test(
  "given a function that waits, when something else is to run in it, then that is refused",
  async (t) => {
    const instance = instantiate(WAITING);
    t.throws(() => instance.resume(() => 0), { code: "EDGELESS_FUNCTION_TRAPPED" }, "nothing waits yet");
    instance.run("handle_call_asm", 0, 0, 0, 0, 0, 0);
    t.throws(() => instance.run("handle_stop_asm"), { code: "EDGELESS_FUNCTION_TRAPPED" });
    t.same(
      instance.resume(() => 2),
      { suspended: false, value: 102 },
      "the refusal did no harm",
    );
  },
);

t.test("given a function that waits, when its answer cannot be delivered, then it has ended", async (t) => {
  const instance = instantiate(WAITING);
  instance.run("handle_call_asm", 0, 0, 0, 0, 0, 0);
  t.throws(
    () =>
      instance.resume(() => {
        throw new RangeError("no room");
      }),
    { message: "no room" },
  );
  t.throws(() => instance.run("handle_stop_asm"), { code: "EDGELESS_FUNCTION_TRAPPED" });
});

t.test(
  "given an allocator that calls another function, when the host allocates inside an import, then it traps",
  async (t) => {
    const wasm = buildGuest({
      imports: ["call_asm", "cast_asm"],
      functions: [
        { type: GUEST_EXPORTS.handle_stop_asm, code: [...CALL.slice(0, 8), Op.call, 1, Op.end] },
        { type: GUEST_EXPORTS.edgeless_mem_alloc, code: [...CALL, Op.end] },
      ],
      handlers: { handle_stop_asm: 0, edgeless_mem_alloc: 1 },
    });
    const instance: PreparedInstance = instantiate(wasm, {
      cast_asm: () => void instance.run("edgeless_mem_alloc", 1),
    });
    t.throws(() => instance.run("handle_stop_asm"), {
      code: "EDGELESS_FUNCTION_TRAPPED",
      message: /cannot wait/,
    });
  },
);

t.test(
  "given a start function that calls another function, when it would have to wait, then it traps",
  async (t) => {
    const wasm = buildGuest({
      imports: ["call_asm"],
      functions: [{ type: { params: [], results: [] }, code: [...CALL, Op.drop, Op.end] }],
      start: 0,
    });
    t.throws(() => instantiate(wasm), { code: "EDGELESS_FUNCTION_TRAPPED" });
    t.doesNotThrow(() => instantiate(wasm, { call_asm: () => 0 }));
  },
);

t.test(
  "given a call at the bottom of a deep recursion, when it waits, then the depth is bounded",
  async (t) => {
    const recursive = buildGuest({
      imports: ["call_asm"],
      functions: [
        {
          type: GUEST_EXPORTS.handle_cast_asm,
          code: [
            ...[Op.localGet, 0, Op.if, 0x40, Op.localGet, 0, Op.i32Const, 1, Op.i32Sub],
            ...[Op.localGet, 1, Op.localGet, 2, Op.localGet, 3, Op.call, 1],
            ...[Op.else, ...CALL, Op.drop, Op.end, Op.end],
          ],
        },
      ],
      handlers: { handle_cast_asm: 0 },
    });
    const shallow = instantiate(recursive);
    t.same(shallow.run("handle_cast_asm", 100, 0, 0, 0), { suspended: true });
    t.same(
      shallow.resume(() => 0),
      { suspended: false, value: undefined },
    );
    t.throws(() => instantiate(recursive, {}, limitedFuel(1e9)).run("handle_cast_asm", 1_000_000, 0, 0, 0));
  },
);

t.test(
  "given functions that are not on the way to a call, when they are prepared, then they are not made larger",
  async (t) => {
    const body = {
      type: { params: [ValueType.i32], results: [ValueType.i32] },
      code: [Op.localGet, 0, Op.end],
    };
    const sizeWith = (count: number, imports: readonly "call_asm"[]) =>
      prepareImage(buildGuest({ imports, functions: new Array(count).fill(body) }), { maxMemoryPages: 1 })
        .module.length;
    t.equal(sizeWith(20, ["call_asm"]) - sizeWith(10, ["call_asm"]), sizeWith(20, []) - sizeWith(10, []));
  },
);
