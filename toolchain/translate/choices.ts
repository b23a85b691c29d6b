import { ValueType } from "../wasm/value-type.js";
import type { FunctionState } from "./function-state.js";
import { truth } from "./integer-operations.js";
import { isFloat } from "./operand.js";
import { CALLS, conditional, conflicts, exactUnlessZero, isHarmless, merge } from "./value.js";

const { i64 } = ValueType;

/** Leaves the top operand out; what it does is done. */
export function translateDrop(state: FunctionState): void {
  const [operand] = state.top(1);
  const parts = operand?.parts ?? [];
  if (parts.every(isHarmless)) {
    state.pop();
    return;
  }
  state.flush(CALLS, 1);
  for (const { text } of state.pop().parts) {
    state.emit(text);
  }
}

/** The select instruction. */
export function translateSelect(state: FunctionState): void {
  const [left, right, condition] = state.top(3);
  const writes = merge(...(condition?.parts ?? []).map((part) => part.writes));
  const arms = [...(left?.parts ?? []), ...(right?.parts ?? [])];
  if (arms.some((part) => !isHarmless(part) || conflicts(part.reads, writes))) {
    state.spillFrom(state.stack.length - 3);
    state.spillFrom(state.stack.length - 2);
  }
  if (left?.type === i64) {
    state.simplify();
  }
  const test = truth(state.popOne());
  const otherwise = state.pop();
  const then = state.pop();
  const parts = then.parts.map((part, at) => {
    const other = otherwise.parts[at] ?? part;
    return isFloat(then.type)
      ? conditional(test, part, other)
      : conditional(test, exactUnlessZero(part), exactUnlessZero(other));
  });
  state.push(then.type, parts);
}
