import type { Helper } from "./helpers.js";
import { binary, EXACT, integer, signed, unsigned, type Value } from "./value.js";

/** How an instruction on i64 is carried out: by which helper of the text, and with which of the halves. */
export interface WideOperation {
  readonly helper: Helper;
  /** `wide`: an i64; `count`: an i64 that is small; `test`: 0 or 1 as an i32. */
  readonly result: "wide" | "count" | "test" | "float";
  readonly isNegated?: boolean;
  readonly traps?: boolean;
  /** The arguments from the operands, lower halves first. */
  readonly order?: (operands: Value[]) => Value[];
}

const swapped = ([a = integer(0), b = integer(0), c = integer(0), d = integer(0)]: Value[]) => [c, d, a, b];
const byCount = (operands: Value[]) => operands.slice(0, 3);

const operations: [opcode: number, operation: WideOperation][] = [
  [0x53, { helper: "lessWide", result: "test" }],
  [0x54, { helper: "lessWideUnsigned", result: "test" }],
  [0x55, { helper: "lessWide", result: "test", order: swapped }],
  [0x56, { helper: "lessWideUnsigned", result: "test", order: swapped }],
  [0x57, { helper: "lessWide", result: "test", order: swapped, isNegated: true }],
  [0x58, { helper: "lessWideUnsigned", result: "test", order: swapped, isNegated: true }],
  [0x59, { helper: "lessWide", result: "test", isNegated: true }],
  [0x5a, { helper: "lessWideUnsigned", result: "test", isNegated: true }],
  [0x79, { helper: "leadingZerosWide", result: "count" }],
  [0x7a, { helper: "trailingZerosWide", result: "count" }],
  [0x7b, { helper: "onesWide", result: "count" }],
  [0x7c, { helper: "addWide", result: "wide" }],
  [0x7d, { helper: "subtractWide", result: "wide" }],
  [0x7e, { helper: "multiplyWide", result: "wide" }],
  [0x7f, { helper: "divideWide", result: "wide", traps: true }],
  [0x80, { helper: "divideWideUnsigned", result: "wide", traps: true }],
  [0x81, { helper: "remainderWide", result: "wide", traps: true }],
  [0x82, { helper: "remainderWideUnsigned", result: "wide", traps: true }],
  [0x86, { helper: "shiftLeftWide", result: "wide", order: byCount }],
  [0x87, { helper: "shiftRightWide", result: "wide", order: byCount }],
  [0x88, { helper: "shiftRightWideUnsigned", result: "wide", order: byCount }],
  [0x89, { helper: "rotateWide", result: "wide", order: byCount }],
  [
    0x8a,
    {
      helper: "rotateWide",
      result: "wide",
      order: ([low = integer(0), high = integer(0), count = integer(0)]) => [
        low,
        high,
        signed(binary(integer(64), "-", count, [-EXACT, EXACT])),
      ],
    },
  ],
  [0xb4, { helper: "wideToSingle", result: "float" }],
  [
    0xb5,
    {
      helper: "wideToSingle",
      result: "float",
      order: ([low = integer(0), high = integer(0)]) => [low, unsigned(high)],
    },
  ],
  [0xbd, { helper: "doubleToBits", result: "wide" }],
  [0xbf, { helper: "bitsToDouble", result: "float" }],
];

for (const opcode of [0xae, 0xb0]) {
  operations.push([opcode, { helper: "toWide", result: "wide", traps: true }]);
  operations.push([opcode + 1, { helper: "toWideUnsigned", result: "wide", traps: true }]);
}
for (const opcode of [0xfc04, 0xfc06]) {
  operations.push([opcode, { helper: "saturateWide", result: "wide" }]);
  operations.push([opcode + 1, { helper: "saturateWideUnsigned", result: "wide" }]);
}

/** The instructions on i64 that a helper carries out, by opcode; the others are written out. */
export const WIDE_OPERATIONS: ReadonlyMap<number, WideOperation> = new Map(operations);
