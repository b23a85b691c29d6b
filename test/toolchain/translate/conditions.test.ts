import fc from "fast-check";
import t from "tap";
import { GUEST_EXPORTS } from "../../../toolchain/image/guest-abi.js";
import { ByteWriter } from "../../../toolchain/wasm/byte-writer.js";
import { Op } from "../../../toolchain/wasm/opcode.js";
import { ValueType } from "../../../toolchain/wasm/value-type.js";
import { buildGuest } from "../image/guest-module.js";
import { runPrepared } from "../image/guest-runs.js";
import { visible } from "../image/visible-run.js";
import { runTranslated } from "./translated-run.js";

const { i32 } = ValueType;
const EMPTY = 0x40;
const [LOAD_BYTE, STORE_BYTE, LOAD_HALF, STORE_HALF] = [0x2d, 0x3a, 0x2f, 0x3b];
const [ADD, SUBTRACT, AND, OR, XOR] = [Op.i32Add, Op.i32Sub, 0x71, 0x72, 0x73];
const COMPARISONS = [0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f];

/** The function with a side effect, and the one that makes the memory larger; the first after the imports. */
const [COUNT, GROW] = [0, 1];
const LOCALS = 7;

type Code = readonly number[];

const constant = (value: number): Code => [...new ByteWriter().byte(Op.i32Const).s32(value).bytes()];
const local = fc.nat(LOCALS - 1);

/** Code that leaves a number, and code that leaves a condition, both with effects here and there. */
const { number, condition } = fc.letrec<{ number: Code; condition: Code }>((tie) => ({
  number: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    local.map((at): Code => [Op.localGet, at]),
    fc.oneof(fc.nat(300), fc.constantFrom(-1, 0x7fffffff, -0x80000000, 65535)).map(constant),
    fc.tuple(local, tie("number")).map(([at, value]): Code => [...value, Op.localTee, at]),
    fc
      .tuple(tie("number"), tie("number"), fc.constantFrom(ADD, SUBTRACT, AND, OR, XOR))
      .map(([a, b, op]): Code => [...a, ...b, op]),
    fc
      .tuple(tie("number"), fc.constantFrom(LOAD_BYTE, LOAD_HALF))
      .map(([at, load]): Code => [...at, ...constant(1023), AND, load, 0, 1]),
    fc
      .tuple(tie("number"), tie("number"), tie("condition"))
      .map(([a, b, c]): Code => [...a, ...b, ...c, Op.select]),
    fc
      .tuple(tie("condition"), tie("number"), tie("number"))
      .map(([c, a, b]): Code => [...c, Op.if, i32, ...a, Op.else, ...b, Op.end]),
    fc.constantFrom<Code>([Op.call, COUNT], [Op.call, GROW]),
    tie("condition"),
  ),
  condition: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    local.map((at): Code => [Op.localGet, at, Op.i32Eqz]),
    fc
      .tuple(tie("number"), tie("number"), fc.constantFrom(...COMPARISONS))
      .map(([a, b, op]): Code => [...a, ...b, op]),
    fc
      .tuple(tie("condition"), tie("condition"), fc.constantFrom(AND, OR))
      .map(([a, b, op]): Code => [...a, ...b, op]),
    tie("condition").map((c): Code => [...c, Op.i32Eqz]),
  ),
}));

const statement = fc.oneof(
  fc.tuple(local, number).map(([at, value]): Code => [...value, Op.localSet, at]),
  fc
    .tuple(number, local, number, fc.constantFrom(STORE_BYTE, STORE_HALF))
    .map(
      ([at, kept, value, store]): Code => [
        ...at,
        ...constant(511),
        AND,
        Op.localTee,
        kept,
        ...value,
        store,
        0,
        0,
      ],
    ),
  fc
    .tuple(condition, number, local)
    .map(([c, value, at]): Code => [...c, Op.if, EMPTY, ...value, Op.localSet, at, Op.end]),
  fc.tuple(condition).map(([c]): Code => [...c, Op.brIf, 0]),
);

/** A loop of some turns over the statements; at the end the locals are in memory. */
const programs = fc.array(statement, { minLength: 1, maxLength: 8 }).map((statements) => {
  const turns = LOCALS;
  const code = new ByteWriter();
  code.code(Op.loop, EMPTY, Op.block, EMPTY);
  for (const part of statements) code.code(...part);
  code.code(Op.end, Op.localGet, turns, Op.i32Const, 1, Op.i32Add, Op.localTee, turns, Op.i32Const, 5, 0x48);
  code.code(Op.brIf, 0, Op.end);
  for (let at = 0; at < LOCALS; at += 1) {
    code.code(...constant(600 + 4 * at), Op.localGet, at, Op.i32Store, 2, 0);
  }
  return buildGuest({
    functions: [
      {
        type: { params: [], results: [i32] },
        code: [Op.globalGet, 0, Op.i32Const, 1, Op.i32Add, Op.globalSet, 0, Op.globalGet, 0, Op.end],
      },
      {
        type: { params: [], results: [i32] },
        code: [Op.globalGet, 0, Op.i32Const, 1, AND, Op.memoryGrow, 0, Op.end],
      },
      {
        type: GUEST_EXPORTS.handle_init_asm,
        locals: new Array<number>(LOCALS - 3).fill(i32),
        code: code.byte(Op.end).bytes(),
      },
    ],
    handlers: { handle_init_asm: 2 },
    globals: [i32],
    pages: [1, 3],
  });
});

t.setTimeout(180_000);

t.test(
  "given conditions, bytes and effects in any order, when they are translated, then they do what they do in the engine",
  async (t) => {
    let returned = 0;
    fc.assert(
      fc.property(programs, (wasm) => {
        const expected = runPrepared(wasm, "handle_init_asm", () => false, 50_000);
        if (expected.end === "returned") returned += 1;
        return visible(runTranslated(wasm, "handle_init_asm", () => false)) === visible(expected);
      }),
      { numRuns: 600 },
    );
    t.ok(returned > 300, `${returned} ran to their end`);
  },
);
