import { Op } from "../../../toolchain/wasm/opcode.js";

/** Locals of each function of a program: numbers of 32 bits, then wide ones. */
export const NARROW_LOCALS = 8;
export const WIDE_LOCALS = 2;

/** An operation on two numbers of 32 bits. */
export type Binary = { readonly opcode: number; readonly of: (a: number, b: number) => number };
export const ADD: Binary = { opcode: Op.i32Add, of: (a, b) => (a + b) | 0 };
export const COMPARISONS: readonly Binary[] = [
  { opcode: Op.i32LtS, of: (a, b) => Number(a < b) },
  { opcode: Op.i32LtU, of: (a, b) => Number(a >>> 0 < b >>> 0) },
  { opcode: Op.i32GtS, of: (a, b) => Number(a > b) },
  { opcode: Op.i32GtU, of: (a, b) => Number(a >>> 0 > b >>> 0) },
  { opcode: 0x4c, of: (a, b) => Number(a <= b) },
  { opcode: Op.i32GeU, of: (a, b) => Number(a >>> 0 >= b >>> 0) },
  { opcode: 0x47, of: (a, b) => Number(a !== b) },
];
export const ARITHMETIC: readonly Binary[] = [
  ADD,
  { opcode: Op.i32Sub, of: (a, b) => (a - b) | 0 },
  { opcode: Op.i32Mul, of: (a, b) => Math.imul(a, b) },
  { opcode: Op.i32And, of: (a, b) => a & b },
  { opcode: Op.i32Shl, of: (a, b) => a << (b & 31) },
  { opcode: Op.i32ShrU, of: (a, b) => (a >>> (b & 31)) | 0 },
];

/** Gives a number of 32 bits. */
export type Expression =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "get" | "getWide"; readonly local: number }
  | { readonly kind: "tee"; readonly local: number; readonly value: Expression }
  | { readonly kind: "acc" }
  | { readonly kind: "not"; readonly value: Expression }
  | { readonly kind: "binary"; readonly by: Binary; readonly a: Expression; readonly b: Expression }
  | { readonly kind: "block"; readonly body: readonly Statement[]; readonly value: Expression };

/** Does something, or leads control elsewhere: labels are counted from the innermost construct. */
export type Statement =
  | { readonly kind: "set"; readonly local: number; readonly value: Expression }
  | { readonly kind: "note"; readonly value: Expression }
  | { readonly kind: "step"; readonly local: number; readonly by: number }
  | { readonly kind: "block" | "loop"; readonly body: readonly Statement[] }
  | { readonly kind: "passing"; readonly local: number; readonly body: readonly Statement[] }
  | {
      readonly kind: "if";
      readonly when: Expression;
      readonly body: readonly Statement[];
      readonly other: readonly Statement[];
    }
  | { readonly kind: "br"; readonly label: number; readonly value?: Expression }
  | { readonly kind: "brIf"; readonly label: number; readonly when: Expression }
  | { readonly kind: "brTable"; readonly labels: readonly number[]; readonly at: Expression }
  | { readonly kind: "return" | "trap" }
  | { readonly kind: "call" | "callIndirect"; readonly callee: number }
  | { readonly kind: "fill"; readonly length: Expression };

/** A program of functions that call each other; the first is where it begins. */
export type LoopProgram = readonly (readonly Statement[])[];
