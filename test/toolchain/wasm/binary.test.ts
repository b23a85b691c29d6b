import fc from "fast-check";
import t from "tap";
import { ByteReader } from "../../../toolchain/wasm/byte-reader.js";
import { ByteWriter } from "../../../toolchain/wasm/byte-writer.js";
import { INSTRUCTIONS } from "../../../toolchain/wasm/instruction-table.js";
import { functionTypeText } from "../../../toolchain/wasm/value-type.js";

/** Examples of LEB128 from the definition: bytes, value; the long ones are what linkers leave room for. */
const UNSIGNED: readonly (readonly [number[], number])[] = [
  [[0x00], 0],
  [[0x7f], 127],
  [[0xe5, 0x8e, 0x26], 624485],
  [[0x80, 0x80, 0x80, 0x80, 0x00], 0],
  [[0xff, 0xff, 0xff, 0xff, 0x0f], 0xffffffff],
];
const SIGNED: readonly (readonly [number[], number])[] = [
  [[0x3f], 63],
  [[0x40], -64],
  [[0xc0, 0xbb, 0x78], -123456],
  [[0xff, 0xff, 0xff, 0xff, 0x07], 0x7fffffff],
  [[0x80, 0x80, 0x80, 0x80, 0x78], -0x80000000],
  [[0xff, 0xff, 0xff, 0xff, 0x7f], -1],
];
const TOO_LONG = [
  [0x80],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
  [0xff, 0xff, 0xff, 0xff, 0x1f],
  [0xff, 0xff, 0xff, 0xff, 0x4f],
];

t.test(
  "given integers in LEB128, when they are read, then stray bits and missing bytes are refused",
  async (t) => {
    for (const [bytes, value] of UNSIGNED) {
      t.equal(new ByteReader(Uint8Array.from(bytes)).u32(), value);
    }
    for (const [bytes, value] of SIGNED) {
      t.equal(new ByteReader(Uint8Array.from(bytes)).s32(), value);
    }
    for (const bytes of TOO_LONG) {
      t.throws(() => new ByteReader(Uint8Array.from(bytes)).u32(), { code: "EDGELESS_BAD_WASM" });
      t.throws(() => new ByteReader(Uint8Array.from(bytes)).s32(), { code: "EDGELESS_BAD_WASM" });
    }
  },
);

t.test("given any integer, when it is written, then reading gives it back and leaves nothing", async (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.integer(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      (u, s, l) => {
        const reader = new ByteReader(new ByteWriter().u32(u).s32(s).s32(s).s64(l).bytes());
        const same = reader.u32() === u && reader.s32() === s && reader.s33() === s;
        reader.skipS64();
        return same && reader.done;
      },
    ),
  );
  t.pass();
});

t.test(
  "given a reader of a part, when more is read than it has, then the place in the file is named",
  async (t) => {
    const reader = new ByteReader(Uint8Array.from([1, 2, 3, 4])).part(2);
    t.same([...reader.take(2)], [1, 2]);
    t.throws(() => reader.byte(), { message: /byte 2/ });
    t.throws(() => reader.take(1), { message: /1 bytes are announced, 0 are left/ });
    const bad = new ByteReader(Uint8Array.from([2, 0xc3, 0x28]));
    t.throws(() => bad.name(), { message: /UTF-8/ });
  },
);

t.test("given a writer with a limit, when more is written, then it refuses", async (t) => {
  const writer = new ByteWriter(300).raw(new Uint8Array(300));
  t.throws(() => writer.byte(1), { code: "EDGELESS_WASM_TOO_LARGE" });
});

t.test(
  "given the table of instructions, when the names are counted, then all of WebAssembly 1.0 is there",
  async (t) => {
    const names = (from: number, to: number) =>
      [...INSTRUCTIONS].filter(
        ([opcode, { feature }]) => opcode >= from && opcode <= to && feature === undefined,
      ).length;
    t.equal(names(0x00, 0xff), 173);
    t.equal(INSTRUCTIONS.get(0x4f)?.name, "i32.ge_u");
    t.equal(INSTRUCTIONS.get(0x78)?.name, "i32.rotr");
    t.equal(INSTRUCTIONS.get(0x8a)?.name, "i64.rotr");
    t.equal(INSTRUCTIONS.get(0xa6)?.name, "f64.copysign");
    t.equal(functionTypeText({ params: [0x7f, 0x7e], results: [0x7c] }), "(i32, i64) -> (f64)");
  },
);
