import type { Feature } from "./feature.js";

/** What follows an opcode in the code. */
export type Immediate =
  | "none"
  | "block"
  | "index"
  | "two-indices"
  | "labels"
  | "memory-argument"
  | "i32"
  | "i64"
  | "f32"
  | "f64"
  | "byte"
  | "types";

/** One instruction of the table. */
export interface InstructionKind {
  /** Name in the text format. */
  readonly name: string;
  readonly immediate: Immediate;
  /**
   * Operands and results, one letter each (`i` i32, `I` i64, `f` f32, `F` f64), for example `ii:i`;
   * absent where they depend on the immediates or on the context.
   */
  readonly signature?: string;
  /** The extension that brought the instruction, absent for WebAssembly 1.0. */
  readonly feature?: Feature;
}

const table = new Map<number, InstructionKind>();

/** Enters consecutive opcodes that share everything but the name. */
function enter(first: number, names: string, immediate: Immediate, signature?: string, feature?: Feature) {
  for (const [index, name] of names.split(" ").entries()) {
    table.set(first + index, {
      name,
      immediate,
      ...(signature === undefined ? {} : { signature }),
      ...(feature === undefined ? {} : { feature }),
    });
  }
}

enter(0x00, "unreachable", "none");
enter(0x01, "nop", "none", ":");
enter(0x02, "block loop if", "block");
enter(0x05, "else", "none");
enter(0x06, "try", "block", undefined, "exceptions");
enter(0x07, "catch throw rethrow", "index", undefined, "exceptions");
enter(0x0b, "end", "none");
enter(0x0c, "br br_if", "index");
enter(0x0e, "br_table", "labels");
enter(0x0f, "return", "none");
enter(0x10, "call", "index");
enter(0x11, "call_indirect", "two-indices");
enter(0x12, "return_call", "index", undefined, "tail-calls");
enter(0x13, "return_call_indirect", "two-indices", undefined, "tail-calls");
enter(0x18, "delegate", "index", undefined, "exceptions");
enter(0x19, "catch_all", "none", undefined, "exceptions");
enter(0x1a, "drop select", "none");
enter(0x1c, "select", "types");
enter(0x1f, "try_table", "block", undefined, "exceptions");
enter(0x20, "local.get local.set local.tee global.get global.set", "index");
enter(0x25, "table.get table.set", "index", undefined, "reference-types");
enter(0x28, "i32.load", "memory-argument", "i:i");
enter(0x29, "i64.load", "memory-argument", "i:I");
enter(0x2a, "f32.load", "memory-argument", "i:f");
enter(0x2b, "f64.load", "memory-argument", "i:F");
enter(0x2c, "i32.load8_s i32.load8_u i32.load16_s i32.load16_u", "memory-argument", "i:i");
enter(
  0x30,
  "i64.load8_s i64.load8_u i64.load16_s i64.load16_u i64.load32_s i64.load32_u",
  "memory-argument",
  "i:I",
);
enter(0x36, "i32.store", "memory-argument", "ii:");
enter(0x37, "i64.store", "memory-argument", "iI:");
enter(0x38, "f32.store", "memory-argument", "if:");
enter(0x39, "f64.store", "memory-argument", "iF:");
enter(0x3a, "i32.store8 i32.store16", "memory-argument", "ii:");
enter(0x3c, "i64.store8 i64.store16 i64.store32", "memory-argument", "iI:");
enter(0x3f, "memory.size", "index", ":i");
enter(0x40, "memory.grow", "index", "i:i");
enter(0x41, "i32.const", "i32", ":i");
enter(0x42, "i64.const", "i64", ":I");
enter(0x43, "f32.const", "f32", ":f");
enter(0x44, "f64.const", "f64", ":F");

const COMPARE_INTEGERS = ["eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"];
const COMPARE_FLOATS = ["eq", "ne", "lt", "gt", "le", "ge"];
const INTEGER_OPERATIONS = "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr".split(
  " ",
);
const FLOAT_FUNCTIONS = ["abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"];
const FLOAT_OPERATIONS = ["add", "sub", "mul", "div", "min", "max", "copysign"];
const of = (type: string, operations: readonly string[]) =>
  operations.map((name) => `${type}.${name}`).join(" ");

enter(0x45, "i32.eqz", "none", "i:i");
enter(0x46, of("i32", COMPARE_INTEGERS), "none", "ii:i");
enter(0x50, "i64.eqz", "none", "I:i");
enter(0x51, of("i64", COMPARE_INTEGERS), "none", "II:i");
enter(0x5b, of("f32", COMPARE_FLOATS), "none", "ff:i");
enter(0x61, of("f64", COMPARE_FLOATS), "none", "FF:i");
enter(0x67, "i32.clz i32.ctz i32.popcnt", "none", "i:i");
enter(0x6a, of("i32", INTEGER_OPERATIONS), "none", "ii:i");
enter(0x79, "i64.clz i64.ctz i64.popcnt", "none", "I:I");
enter(0x7c, of("i64", INTEGER_OPERATIONS), "none", "II:I");
enter(0x8b, of("f32", FLOAT_FUNCTIONS), "none", "f:f");
enter(0x92, of("f32", FLOAT_OPERATIONS), "none", "ff:f");
enter(0x99, of("f64", FLOAT_FUNCTIONS), "none", "F:F");
enter(0xa0, of("f64", FLOAT_OPERATIONS), "none", "FF:F");
enter(0xa7, "i32.wrap_i64", "none", "I:i");
enter(0xa8, "i32.trunc_f32_s i32.trunc_f32_u", "none", "f:i");
enter(0xaa, "i32.trunc_f64_s i32.trunc_f64_u", "none", "F:i");
enter(0xac, "i64.extend_i32_s i64.extend_i32_u", "none", "i:I");
enter(0xae, "i64.trunc_f32_s i64.trunc_f32_u", "none", "f:I");
enter(0xb0, "i64.trunc_f64_s i64.trunc_f64_u", "none", "F:I");
enter(0xb2, "f32.convert_i32_s f32.convert_i32_u", "none", "i:f");
enter(0xb4, "f32.convert_i64_s f32.convert_i64_u", "none", "I:f");
enter(0xb6, "f32.demote_f64", "none", "F:f");
enter(0xb7, "f64.convert_i32_s f64.convert_i32_u", "none", "i:F");
enter(0xb9, "f64.convert_i64_s f64.convert_i64_u", "none", "I:F");
enter(0xbb, "f64.promote_f32", "none", "f:F");
enter(0xbc, "i32.reinterpret_f32", "none", "f:i");
enter(0xbd, "i64.reinterpret_f64", "none", "F:I");
enter(0xbe, "f32.reinterpret_i32", "none", "i:f");
enter(0xbf, "f64.reinterpret_i64", "none", "I:F");
enter(0xc0, "i32.extend8_s i32.extend16_s", "none", "i:i", "sign-extension");
enter(0xc2, "i64.extend8_s i64.extend16_s i64.extend32_s", "none", "I:I", "sign-extension");
enter(0xd0, "ref.null", "byte", undefined, "reference-types");
enter(0xd1, "ref.is_null", "none", undefined, "reference-types");
enter(0xd2, "ref.func", "index", undefined, "reference-types");

const SATURATING = "saturating-float-to-int";
enter(0xfc00, "i32.trunc_sat_f32_s i32.trunc_sat_f32_u", "none", "f:i", SATURATING);
enter(0xfc02, "i32.trunc_sat_f64_s i32.trunc_sat_f64_u", "none", "F:i", SATURATING);
enter(0xfc04, "i64.trunc_sat_f32_s i64.trunc_sat_f32_u", "none", "f:I", SATURATING);
enter(0xfc06, "i64.trunc_sat_f64_s i64.trunc_sat_f64_u", "none", "F:I", SATURATING);
enter(0xfc08, "memory.init", "two-indices", "iii:", "bulk-memory");
enter(0xfc09, "data.drop", "index", ":", "bulk-memory");
enter(0xfc0a, "memory.copy", "two-indices", "iii:", "bulk-memory");
enter(0xfc0b, "memory.fill", "index", "iii:", "bulk-memory");
enter(0xfc0c, "table.init", "two-indices", "iii:", "bulk-memory");
enter(0xfc0d, "elem.drop", "index", ":", "bulk-memory");
enter(0xfc0e, "table.copy", "two-indices", "iii:", "bulk-memory");
enter(0xfc0f, "table.grow table.size table.fill", "index", undefined, "reference-types");

/** Every instruction of WebAssembly 2.0 without vectors, by opcode; a prefixed one is prefix * 256 + number. */
export const INSTRUCTIONS: ReadonlyMap<number, InstructionKind> = table;

const byCode = new Array<InstructionKind | undefined>(0x100).fill(undefined);
for (const [opcode, kind] of table) {
  if (opcode < 0x100) {
    byCode[opcode] = kind;
  }
}

/** The kind of an instruction, undefined when the toolchain does not know it. */
export function instructionKind(opcode: number): InstructionKind | undefined {
  return opcode < 0x100 ? byCode[opcode] : table.get(opcode);
}

/** Whole families that are recognised by their prefix byte only. */
export const FAMILIES: ReadonlyMap<number, Feature> = new Map<number, Feature>([
  [0xfd, "simd"],
  [0xfe, "threads"],
]);
