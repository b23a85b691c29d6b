import { EdgelessError } from "../../core/errors.js";
import { ValueType, type ValueTypeCode } from "../wasm/value-type.js";
import type { Value } from "./value.js";

const { i64, f32, f64 } = ValueType;

/** An operand: one value, or the two halves of an i64, which are harmless to leave out or repeat. */
export interface Operand {
  readonly type: ValueTypeCode;
  readonly parts: readonly Value[];
}

/** How many numbers of JavaScript a value takes. */
export function width(type: ValueTypeCode): number {
  return type === i64 ? 2 : 1;
}

/** Whether a type is f32 or f64. */
export function isFloat(type: ValueTypeCode): boolean {
  return type === f32 || type === f64;
}

/** The only, or lower, value of an operand. */
export function first({ parts }: Operand): Value {
  const [value] = parts;
  if (value === undefined) {
    throw new EdgelessError("EDGELESS_INTERNAL", "an operand has no value");
  }
  return value;
}
