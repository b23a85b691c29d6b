import fc from "fast-check";
import t from "tap";
import type { GuestImports } from "../../../embedded/engine.js";
import { HANDLE_INIT } from "../../../embedded/guest-exports.js";
import { TranslatedGuest, type TranslatedImage } from "../../../embedded/translated-guest.js";
import { GUEST_EXPORTS } from "../../../toolchain/image/guest-abi.js";
import { translateModule } from "../../../toolchain/translate/translate.js";
import { ByteWriter } from "../../../toolchain/wasm/byte-writer.js";
import { INSTRUCTIONS } from "../../../toolchain/wasm/instruction-table.js";
import { Op } from "../../../toolchain/wasm/opcode.js";
import { evaluateTranslated } from "../../kit/translated-image.js";
import { buildGuest } from "../image/guest-module.js";

/** Loads and stores by the letters of signatures. */
const LOAD = new Map([...`iIfF`].map((letter, at) => [letter, Op.i32Load + at]));
const STORE = new Map([...`iIfF`].map((letter, at) => [letter, Op.i32Store + at]));

/** Where operands and the result are. */
const OPERANDS = 64;
const RESULT = 128;

const WORDS = [
  0n,
  1n,
  2n,
  9n,
  10n,
  31n,
  32n,
  33n,
  63n,
  64n,
  127n,
  128n,
  255n,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x10000n,
];
const WIDE = [
  ...WORDS,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x100000001n,
  0x123456789abcdefn,
  0x1fffffffffffffn,
  0x20000000000001n,
  0x7fffffbfffffffffn,
  0x7fffffc000000001n,
  0xfedcba9876543210n,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0x8000000000000001n,
  0xffffffff00000000n,
  0xffffffff80000000n,
  0xfffffffffffffffen,
  0xffffffffffffffffn,
];
const NARROW = [
  ...WORDS,
  0x12345678n,
  0x7fffffffn,
  0x80000000n,
  0x80000001n,
  0xcafebaben,
  0xfffffff6n,
  0xffffffffn,
];
const FLOATS = [
  0,
  -0,
  0.5,
  -0.5,
  1,
  -1,
  1.5,
  2.5,
  -2.5,
  3.7,
  -3.7,
  1e-40,
  -1e-310,
  0.1,
  1e10,
  -1e10,
  2147483647,
  2147483648,
  -2147483648,
  -2147483649,
  -2147483648.9,
  4294967295,
  4294967295.9,
  4294967296,
  2 ** 53,
  4503599627370495.5,
  2 ** 63 - 1024,
  2 ** 63,
  -(2 ** 63),
  -(2 ** 63) - 2048,
  2 ** 64,
  2 ** 64 - 2048,
  3e38,
  1e39,
  -1e300,
  0.9999999,
  -0.9999999,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
];

function operands(letter: string): Uint8Array[] {
  const bytes = (write: (view: DataView) => void) => {
    const view = new DataView(new ArrayBuffer(8));
    write(view);
    return new Uint8Array(view.buffer);
  };
  switch (letter) {
    case "i":
      return NARROW.map((value) => bytes((view) => view.setBigUint64(0, value, true)));
    case "I":
      return WIDE.map((value) => bytes((view) => view.setBigUint64(0, value, true)));
    case "f":
      return FLOATS.map((value) => bytes((view) => view.setFloat32(0, value, true)));
    default:
      return FLOATS.map((value) => bytes((view) => view.setFloat64(0, value, true)));
  }
}

/** `handle_init_asm` applies one instruction to what is at {@link OPERANDS} or, as constants, in the code. */
function moduleOf(opcode: number, signature: string, constants: readonly Uint8Array[] = []): Uint8Array {
  const code = new ByteWriter();
  const colon = signature.indexOf(":");
  code.code(Op.i32Const).s32(RESULT);
  for (let at = 0; at < colon; at += 1) {
    const letter = signature.charAt(at);
    const constant = constants[at];
    if (constant === undefined) {
      code.code(Op.i32Const).s32(OPERANDS + 8 * at);
      code.code(LOAD.get(letter) ?? 0, 0, 0);
    } else {
      const view = new DataView(constant.buffer);
      code.code(Op.i32Const + "iIfF".indexOf(letter));
      if (letter === "i") code.s32(view.getInt32(0, true));
      else if (letter === "I") code.s64(view.getBigInt64(0, true));
      else code.raw(constant.subarray(0, letter === "f" ? 4 : 8));
    }
  }
  if (opcode >= 0xfc00) code.code(0xfc, opcode - 0xfc00);
  else code.code(opcode);
  code.code(STORE.get(signature.charAt(colon + 1)) ?? 0, 0, 0, Op.end);
  return buildGuest({
    functions: [{ type: GUEST_EXPORTS.handle_init_asm, code: code.bytes() }],
    handlers: { handle_init_asm: 0 },
  });
}

const NO_IMPORTS = new Proxy({} as GuestImports, { get: () => () => 0 });

/** Both engines for one module: give the result as hexadecimal digits, `NaN`, or `trap`. */
function runners(wasm: Uint8Array, letter: string): ((inputs: readonly Uint8Array[]) => string)[] {
  const module = new WebAssembly.Module(wasm);
  const image = evaluateTranslated(translateModule(wasm, { maxMemoryBytes: 1024 }).code);
  const run = (memory: Uint8Array, inputs: readonly Uint8Array[], call: () => void): string => {
    for (const [at, bytes] of inputs.entries()) memory.set(bytes, OPERANDS + 8 * at);
    try {
      call();
    } catch {
      return "trap";
    }
    const view = new DataView(memory.buffer, RESULT, 8);
    const float = letter === "f" ? view.getFloat32(0, true) : view.getFloat64(0, true);
    return "fF".includes(letter) && Number.isNaN(float)
      ? "NaN"
      : Buffer.from(view.buffer, RESULT, 8).toString("hex");
  };
  return [
    (inputs) => {
      const { exports } = new WebAssembly.Instance(module, {});
      const entry = exports.handle_init_asm as (...args: number[]) => void;
      return run(new Uint8Array((exports.memory as WebAssembly.Memory).buffer), inputs, () =>
        entry(0, 0, 0, 0),
      );
    },
    (inputs) => {
      const guest = new TranslatedGuest(image, NO_IMPORTS, () => 0, 1);
      return run(guest.memory(), inputs, () => guest.run(HANDLE_INIT, 0, 0, 0, 0));
    },
  ];
}

t.setTimeout(180_000);

t.test(
  "given any number instruction, when it is translated, then every operand gives the same bits",
  async (t) => {
    let checked = 0;
    for (const [opcode, { name, signature = "", immediate }] of INSTRUCTIONS) {
      const colon = signature.indexOf(":");
      if (immediate !== "none" || colon < 1 || opcode === Op.nop || (opcode >= 0xfc08 && opcode <= 0xfc0f))
        continue;
      const letter = signature.charAt(colon + 1);
      const [plain, translated] = runners(moduleOf(opcode, signature), letter);
      const pairs = operands(signature.charAt(0)).flatMap((first) =>
        colon === 1 ? [[first]] : operands(signature.charAt(1)).map((second) => [first, second]),
      );
      const wrong: string[] = [];
      for (const [at, inputs] of pairs.entries()) {
        const expected = plain?.(inputs) ?? "";
        const found = [translated?.(inputs) ?? ""];
        // As constants, which are translated differently, for a part of the pairs.
        if (at % 61 === 0) found.push(runners(moduleOf(opcode, signature, inputs), letter)[1]?.([]) ?? "");
        checked += 1;
        if (found.some((result) => result !== expected)) {
          const shown = inputs.map((bytes) => Buffer.from(bytes).toString("hex")).join(" ");
          wrong.push(`${shown}: ${found.join(" and ")} instead of ${expected}`);
        }
      }
      t.same(wrong.slice(0, 3), [], name);
    }
    t.ok(checked > 20_000, `${checked} operations`);
  },
);

/** The square root of Espruino. */
const NEAR_ROOT = (x: number): number => (x >= 0 ? Math.exp(Math.log(x) * 0.5) : Number.NaN);
const F32_SQRT = 0x91;
const F64_SQRT = 0x9f;

t.test(
  "given an interpreter whose square root is only near, when a function takes roots, then they are rounded as WebAssembly says",
  async (t) => {
    const near = Object.assign(Object.create(null), { floor: Math.floor, ceil: Math.ceil, sqrt: NEAR_ROOT });
    const rootOf = (opcode: number, signature: string) => {
      const { code } = translateModule(moduleOf(opcode, signature), { maxMemoryBytes: 1024 });
      const image = new Function("Math", `"use strict";return ${code}`)(near) as TranslatedImage;
      const guest = new TranslatedGuest(image, NO_IMPORTS, () => 0, 1);
      const view = new DataView(guest.memory().buffer);
      return (x: number): number => {
        if (opcode === F32_SQRT) view.setFloat32(OPERANDS, x, true);
        else view.setFloat64(OPERANDS, x, true);
        guest.run(HANDLE_INIT, 0, 0, 0, 0);
        return opcode === F32_SQRT ? view.getFloat32(RESULT, true) : view.getFloat64(RESULT, true);
      };
    };
    const single = rootOf(F32_SQRT, "f:f");
    const double = rootOf(F64_SQRT, "F:F");
    const isRight = (x: number) =>
      Object.is(double(x), Math.sqrt(x)) && Object.is(single(x), Math.fround(Math.sqrt(Math.fround(x))));
    t.not(NEAR_ROOT(2), Math.SQRT2);
    for (const x of [...FLOATS, Number.MIN_VALUE, Number.MAX_VALUE, 1 + Number.EPSILON, 4 - 2 ** -51])
      t.ok(isRight(x), `the root of ${x}`);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.double(),
          fc.double({ min: 1, max: 4 }),
          fc.nat().map((n) => n * n),
        ),
        isRight,
      ),
      { numRuns: 20_000 },
    );
  },
);
