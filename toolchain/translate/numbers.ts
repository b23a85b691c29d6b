import { Op } from "../wasm/opcode.js";
import { ValueType, type ValueTypeCode } from "../wasm/value-type.js";
import {
  binaryFloat,
  compareFloats,
  fromInteger,
  rounded,
  toInteger,
  unaryFloat,
} from "./float-operations.js";
import type { FunctionState } from "./function-state.js";
import { binaryInteger, unaryInteger } from "./integer-operations.js";
import { ANY_NUMBER, call, signed, unsigned, type Value } from "./value.js";
import { translateWide } from "./wide-numbers.js";

const { i32, i64, f32, f64 } = ValueType;

const TYPES: ReadonlyMap<string, ValueTypeCode> = new Map([
  ["i", i32],
  ["I", i64],
  ["f", f32],
  ["F", f64],
]);

/** An instruction on numbers, by its signature in letters. */
export function translateNumber(state: FunctionState, opcode: number, signature: string): void {
  if (signature.includes("I")) {
    translateWide(state, opcode, signature);
    return;
  }
  const type = TYPES.get(signature.charAt(signature.length - 1)) ?? i32;
  if (signature.indexOf(":") === 2) {
    const right = state.popOne();
    const left = state.popOne();
    state.pushOne(type, applyBinary(state, opcode, left, right));
  } else {
    state.unary(type, (value) => applyUnary(state, opcode, value));
  }
}

function applyBinary(state: FunctionState, opcode: number, left: Value, right: Value): Value {
  if (opcode >= 0x92) {
    const isSingle = opcode < 0xa0;
    return binaryFloat(opcode - (isSingle ? 0x92 : 0xa0), left, right, isSingle, state.use);
  }
  if (opcode >= 0x5b && opcode <= 0x66) {
    return compareFloats((opcode - 0x5b) % 6, left, right);
  }
  return binaryInteger(opcode, left, right, state.use);
}

/** An instruction with one operand without i64. */
function applyUnary(state: FunctionState, opcode: number, value: Value): Value {
  const use = state.use;
  switch (opcode) {
    case 0xa8:
    case 0xaa:
      return toInteger("toInteger", value, use);
    case 0xa9:
    case 0xab:
      return toInteger("toUnsigned", value, use);
    case 0xfc00:
    case 0xfc02:
      return toInteger("saturate", value, use);
    case 0xfc01:
    case 0xfc03:
      return toInteger("saturateUnsigned", value, use);
    case 0xb2:
      return rounded(fromInteger(signed(value)), use);
    case 0xb3:
      return rounded(fromInteger(unsigned(value)), use);
    case 0xb6:
      return rounded(value, use);
    case 0xb7:
      return fromInteger(signed(value));
    case 0xb8:
      return fromInteger(unsigned(value));
    case 0xbb:
      return value;
    case Op.i32ReinterpretF32:
      return call(use("singleToBits"), [value]);
    case Op.f32ReinterpretI32:
      return call(use("bitsToSingle"), [signed(value)], {}, ANY_NUMBER);
  }
  if (opcode >= 0x8b && opcode <= 0x9f) {
    const isSingle = opcode < 0x99;
    return unaryFloat(opcode - (isSingle ? 0x8b : 0x99), value, isSingle, use);
  }
  return unaryInteger(opcode, value, use);
}
