import fc from "fast-check";
import t from "tap";
import type { GuestImports } from "../../../toolchain/engine/guest-imports.js";
import { PreparedInstance } from "../../../toolchain/engine/prepared-instance.js";
import { analyseModule } from "../../../toolchain/image/analyse-module.js";
import { GUEST_EXPORTS } from "../../../toolchain/image/guest-abi.js";
import { prepareImage } from "../../../toolchain/image/prepare.js";
import type { LoopCharge } from "../../../toolchain/image/scan-function.js";
import { ByteWriter } from "../../../toolchain/wasm/byte-writer.js";
import { Op, VOID_BLOCK } from "../../../toolchain/wasm/opcode.js";
import { ValueType } from "../../../toolchain/wasm/value-type.js";
import { followLoopProgram } from "./follow-loop-program.js";
import { buildGuest } from "./guest-module.js";
import { limitedFuel } from "./guest-runs.js";
import { LoopProgramMaker } from "./loop-program-maker.js";
import { loopProgramModule, notedIn } from "./loop-program-module.js";

type Code = readonly number[];

const INT_MAX = 0x7fffffff;
const imports: GuestImports = {
  cast_asm: () => {},
  cast_raw_asm: () => {},
  call_asm: () => 0,
  call_raw_asm: () => 0,
  delayed_cast_asm: () => {},
  telemetry_log_asm: () => {},
  slf_asm: () => {},
  sync_asm: () => {},
};

const get = (local: number): Code => [Op.localGet, local];
const set = (local: number): Code => [Op.localSet, local];
const constant = (value: number): Code => [Op.i32Const, ...new ByteWriter().s32(value).bytes()];
/** acc = acc * 31 + local: what came of it depends on each turn and on their order. */
const note = (local: number): Code => [
  ...[...get(ACC), ...constant(31), Op.i32Mul],
  ...[...get(local), Op.i32Add, ...set(ACC)],
];

/** Locals of the function: six parameters, what is noted, and counters. */
const ACC = 6;
const COUNTERS = 7;
const LOCALS = 8;

/** A loop over a counter as compilers write it. */
function loopOver(
  counter: number,
  limit: Code,
  body: Code,
  { comparison = Op.i32LtS as number, exchanged = false, step = 1 } = {},
): Code {
  const head = exchanged
    ? [...limit, ...get(counter), comparison + 2]
    : [...get(counter), ...limit, comparison];
  const next = [...get(counter), ...constant(step), Op.i32Add, ...set(counter)];
  return [Op.loop, VOID_BLOCK, ...head, Op.if, VOID_BLOCK, ...body, ...next, Op.br, 1, Op.end, Op.end];
}

/** A guest whose `handle_call_asm` runs the code and gives what was noted; `handle_stop_asm` is its function 1. */
function guest(code: Code, helper: Code = []): Uint8Array {
  return buildGuest({
    functions: [
      {
        type: GUEST_EXPORTS.handle_call_asm,
        locals: new Array<number>(LOCALS).fill(ValueType.i32),
        code: [...code, ...get(ACC), Op.end],
      },
      { type: GUEST_EXPORTS.handle_stop_asm, code: [...helper, Op.end] },
    ],
    handlers: { handle_call_asm: 0, handle_stop_asm: 1 },
  });
}

interface Run {
  readonly plain: unknown;
  readonly prepared: unknown;
  readonly fuel: number;
}

/** Runs a guest as it is and prepared. */
function run(wasm: Uint8Array, args: readonly number[] = []): Run {
  const six = [...args, 0, 0, 0, 0, 0, 0].slice(0, 6);
  const { handle_call_asm: plain } = new WebAssembly.Instance(new WebAssembly.Module(wasm)).exports;
  const meter = limitedFuel(1e9);
  const { value } = instantiate(wasm, meter).run("handle_call_asm", ...six) as { value: unknown };
  return {
    plain: typeof plain === "function" ? plain(...six) : undefined,
    prepared: value,
    fuel: meter.used,
  };
}

function instantiate(wasm: Uint8Array, meter: ReturnType<typeof limitedFuel>): PreparedInstance {
  const { module } = prepareImage(wasm, { maxMemoryPages: 16 });
  return new PreparedInstance(new WebAssembly.Module(module), imports, meter);
}

/** How the loops of a module are charged. */
function charged(wasm: Uint8Array): LoopCharge[] {
  return analyseModule(wasm).scans.flatMap(({ loops }) => [...loops.values()].map(({ charge }) => charge));
}

function charges(wasm: Uint8Array): string[] {
  return charged(wasm).map(({ type }) => type);
}

t.test(
  "given loops as compilers write them, when they are scanned, then those over a counter are found",
  async (t) => {
    const body = note(COUNTERS);
    const from = (value: number): Code => [...constant(value), ...set(COUNTERS)];
    const one = (loop: Code) => charges(guest(loop));
    t.same(one([...from(0), ...loopOver(COUNTERS, constant(10), body)]), ["paid"], "ten turns");
    t.same(
      one([...from(0), ...loopOver(COUNTERS, constant(10_000), body)]),
      ["ahead"],
      "too many to be paid",
    );
    t.same(one(loopOver(COUNTERS, constant(10), body)), ["ahead"], "from anywhere");
    t.same(one(loopOver(COUNTERS, get(0), body, { comparison: Op.i32LtU, exchanged: true })), ["ahead"]);
    const computed = [...get(0), ...constant(3), Op.i32Shl, ...get(1), Op.i32Add];
    t.same(one(loopOver(COUNTERS, computed, body)), ["ahead"], "a limit that is computed");
    const inner = [...from(0), ...loopOver(COUNTERS, get(1), body)];
    t.same(one(loopOver(COUNTERS + 1, get(0), inner)), ["ahead", "ahead"], "one in the other");

    const others: readonly Code[] = [
      loopOver(COUNTERS, get(0), body, { step: 2 }),
      loopOver(COUNTERS, get(0), [...body, ...from(3)]),
      loopOver(COUNTERS, get(0), [...body, ...get(1), ...set(0)]),
      loopOver(COUNTERS, get(COUNTERS), body),
      loopOver(COUNTERS, [Op.memorySize, 0], body),
      loopOver(COUNTERS, get(0), [...body, ...get(1), Op.brIf, 0]),
      loopOver(COUNTERS, get(0), [...body, ...get(1), Op.brIf, 1]),
      loopOver(COUNTERS, get(0), body, { comparison: Op.i32LeU }),
    ];
    for (const code of others) t.same(one(code), ["turns"]);
    const setInside = [...from(0), ...loopOver(COUNTERS, get(1), [...constant(7), ...set(COUNTERS + 1)])];
    t.same(
      one(loopOver(COUNTERS + 1, get(0), setInside)),
      ["turns", "ahead"],
      "the inner one sets the counter",
    );
  },
);

/** What a small function does is paid for by its caller, here the host. */
const PREPAID = 64;

const near = fc.oneof(
  fc.integer({ min: -40, max: 40 }),
  fc.integer({ min: -20, max: 20 }).map((value) => (INT_MAX + value) | 0),
);

t.test(
  "given any start and limit, when a loop over a counter runs, then its turns are those of the source",
  async (t) => {
    fc.assert(
      fc.property(
        near,
        fc.oneof(fc.integer({ min: -3, max: 60 }), fc.integer({ min: 1000, max: 20_000 })),
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        (start, turns, isUnsigned, exchanged, isConstant) => {
          const limit = (start + turns) | 0;
          const comparison = isUnsigned ? Op.i32LtU : Op.i32LtS;
          const below = isUnsigned ? start >>> 0 < limit >>> 0 : start < limit;
          const count = isUnsigned ? (limit >>> 0) - (start >>> 0) : limit - start;
          fc.pre(!below || count <= 20_000);
          const loop = loopOver(COUNTERS, isConstant ? constant(limit) : get(1), note(COUNTERS), {
            comparison,
            exchanged,
          });
          const begin = [...(isConstant ? constant(start) : get(0)), ...set(COUNTERS)];
          const { plain, prepared, fuel } = run(guest([...begin, ...loop, ...note(COUNTERS)]), [
            start,
            limit,
          ]);
          return (
            prepared === plain &&
            fuel + PREPAID >= (below ? count * 5 : 0) &&
            fuel <= 200 + Math.abs(turns) * 40
          );
        },
      ),
      { numRuns: 300 },
    );
    t.pass("every turn was noted");
  },
);

/** Code with loops in loops that are left, gone on with, and returned from, now and then. */
const nested = fc.letrec<{ body: Code; loop: Code }>((tie) => ({
  body: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.integer({ min: 0, max: 5 }).map((level) => note(COUNTERS + level)),
    fc.tuple(tie("loop"), tie("body")).map((parts) => parts.flat()),
  ),
  loop: fc
    .record({
      level: fc.integer({ min: 0, max: 5 }),
      limit: fc.oneof(fc.integer({ min: -2, max: 9 }).map(constant), fc.integer({ min: 0, max: 3 }).map(get)),
      start: fc.oneof(fc.constant<Code>([]), fc.integer({ min: -3, max: 5 }).map(constant)),
      body: tie("body"),
      leave: fc.integer({ min: 0, max: 5 }),
      mask: fc.integer({ min: 1, max: 15 }),
      isUnsigned: fc.boolean(),
    })
    .map(({ level, limit, start, body, leave, mask, isUnsigned }) => {
      const counter = COUNTERS + level;
      const condition = [...get(ACC), ...constant(mask), Op.i32And, Op.i32Eqz];
      const ways: readonly Code[] = [
        [],
        // Leaves the loop.
        [...condition, Op.brIf, 3],
        // Goes on with the next turn.
        [...condition, Op.brIf, 0],
        // Returns.
        [...condition, Op.if, VOID_BLOCK, ...get(ACC), Op.return, Op.end],
        // Calls.
        [Op.call, 1],
        // Disturbs a counter.
        [...condition, Op.if, VOID_BLOCK, ...constant(5), ...set(COUNTERS + 2), Op.end],
      ];
      const inside = [Op.block, VOID_BLOCK, ...note(counter), ...(ways[leave] ?? []), ...body, Op.end];
      const begin = start.length === 0 ? [] : [...start, ...set(counter)];
      const loop = loopOver(counter, limit, inside, { comparison: isUnsigned ? Op.i32LtU : Op.i32LtS });
      return [Op.block, VOID_BLOCK, ...begin, ...loop, Op.end];
    }),
}));

t.test("given loops in loops, when they run, then what they do is what the source does", async (t) => {
  const OUT = { name: "OutOfFuel" };
  let ended = 0;
  fc.assert(
    fc.property(
      nested.body,
      fc.array(fc.integer({ min: -3, max: 9 }), { minLength: 4, maxLength: 4 }),
      (code, args) => {
        const wasm = guest(code);
        const meter = limitedFuel(200_000);
        try {
          instantiate(wasm, meter).run("handle_call_asm", ...args, 0, 0);
        } catch (error) {
          // Some of them disturb each other's counters and never end, and the source cannot be asked.
          if (error instanceof Error && error.name === OUT.name) return true;
          throw error;
        }
        ended += 1;
        const { plain, prepared } = run(wasm, args);
        return prepared === plain;
      },
    ),
    { numRuns: 400 },
  );
  t.ok(ended > 100, `${ended} of them ended`);
});

t.test(
  "given loops with more turns than anyone waits for, when the fuel is used up, then they end",
  async (t) => {
    const deep = [1, 2, 3].reduce<Code>(
      (body, level) => [
        ...[...constant(0), ...set(COUNTERS + level)],
        ...loopOver(COUNTERS + level, level === 1 ? constant(30) : get(0), body),
      ],
      note(COUNTERS + 1),
    );
    const endless = [Op.loop, VOID_BLOCK, ...deep, Op.br, 0, Op.end];
    for (const code of [deep, endless, loopOver(COUNTERS, get(0), note(COUNTERS))]) {
      const meter = limitedFuel(1_000_000);
      t.throws(() => instantiate(guest(code), meter).run("handle_call_asm", INT_MAX, 0, 0, 0, 0, 0), {
        name: "OutOfFuel",
      });
    }
  },
);

t.test(
  "given small functions, when they call each other, then the callers pay and every recursion ends",
  async (t) => {
    const call = [Op.call, 1];
    const calls = new Array<Code>(20).fill(call).flat();
    const helper = new Array<Code>(8).fill([...constant(1), Op.drop]).flat();
    const { fuel } = run(guest(calls, helper));
    t.ok(fuel >= 20 * 16, `${fuel} for twenty calls`);
    // Each calls itself twice, sixty levels deep.
    const twice: Code = [
      ...[Op.globalGet, 0, ...constant(60), Op.i32LtS, Op.if, VOID_BLOCK],
      ...[Op.globalGet, 0, ...constant(1), Op.i32Add, Op.globalSet, 0, ...call, ...call],
      ...[Op.globalGet, 0, ...constant(1), Op.i32Sub, Op.globalSet, 0, Op.end],
    ];
    const wasm = buildGuest({
      functions: [
        { type: GUEST_EXPORTS.handle_call_asm, code: [...constant(0), Op.end] },
        { type: GUEST_EXPORTS.handle_stop_asm, code: [...twice, Op.end] },
      ],
      handlers: { handle_call_asm: 0, handle_stop_asm: 1 },
      globals: [ValueType.i32],
    });
    t.throws(() => instantiate(wasm, limitedFuel(100_000)).run("handle_stop_asm"), { name: "OutOfFuel" });
  },
);

t.test(
  "given programs of loops in many shapes, when they run, then they do what the source does, pay for each instruction, and end",
  async (t) => {
    const LIMIT = 20_000;
    const seen = { returned: 0, trapped: 0, "too long": 0, "too deep": 0 };
    fc.assert(
      fc.property(fc.array(fc.nat(1_000_000), { minLength: 50, maxLength: 400 }), (choices) => {
        let at = 0;
        // When the choices have run out, each is the first.
        const program = new LoopProgramMaker((limit) => (choices[at++] ?? 0) % limit).make();
        const wasm = loopProgramModule(program);
        const followed = followLoopProgram(program, LIMIT + 10_000);
        seen[followed.end] += 1;
        if (followed.end === "too deep") return true;
        const meter = limitedFuel(LIMIT);
        const instance = instantiate(wasm, meter);
        try {
          instance.run("handle_stop_asm");
        } catch (error) {
          if (error instanceof Error && error.name === "OutOfFuel") return true;
          return followed.end === "trapped" && error instanceof WebAssembly.RuntimeError;
        }
        const trusts = charged(wasm).some((charge) => charge.type === "ahead" && charge.trusted);
        return (
          followed.end === "returned" &&
          notedIn(instance.memory.buffer) === followed.acc &&
          (trusts || meter.used + PREPAID >= followed.steps)
        );
      }),
      { numRuns: 1500 },
    );
    t.ok(seen.returned > 200 && seen["too long"] > 50, JSON.stringify(seen));
  },
);

t.test("given many loops without a turn in an endless one, when it runs, then it soon ends", async (t) => {
  const empty = new Array<Code>(1000).fill(loopOver(COUNTERS, get(0), note(COUNTERS))).flat();
  const scans = analyseModule(guest([Op.loop, VOID_BLOCK, ...empty, Op.br, 0, Op.end])).scans;
  const [outer] = scans[0]?.loops.values() ?? [];
  t.ok((outer?.cost ?? 0) >= 4000, `${outer?.cost} for a turn with a thousand comparisons`);
});
