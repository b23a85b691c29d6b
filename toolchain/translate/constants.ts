import type { LiveInstructions } from "../wasm/live-instructions.js";
import { Op } from "../wasm/opcode.js";
import { ValueType, type ValueTypeCode } from "../wasm/value-type.js";
import { float } from "./float-operations.js";
import type { FunctionState } from "./function-state.js";
import { type Constant, readBits, readConstant } from "./static-parts.js";
import { ANY_NUMBER, call, integer } from "./value.js";

const { i32, i64, f32, f64 } = ValueType;

/** Pushes a known number of any type. */
export function pushConstant(state: FunctionState, type: ValueTypeCode, constant: Constant): void {
  if (type === i32) {
    state.pushOne(type, integer(constant[0]));
  } else if (type === i64) {
    state.push(type, [integer(constant[0]), integer(constant[1] ?? 0)]);
  } else {
    state.pushOne(type, float(constant[0], state.use));
  }
}

/** The f32.const or f64.const instruction; a NaN keeps its bits. */
export function pushFloatConstant(state: FunctionState, instruction: LiveInstructions): void {
  const { opcode } = instruction;
  const type = opcode === Op.f32Const ? f32 : f64;
  const [value] = readConstant(state.module.bytes, instruction);
  if (Number.isNaN(value)) {
    const bits = readBits(state.module.bytes, instruction).map((half) => integer(half ?? 0));
    const helper = type === f32 ? "bitsToSingle" : "bitsToDouble";
    state.pushOne(type, call(state.use(helper), bits, {}, ANY_NUMBER));
  } else {
    state.pushOne(type, float(value, state.use));
  }
}
