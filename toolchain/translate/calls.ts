import type { LiveInstructions } from "../wasm/live-instructions.js";
import { Op } from "../wasm/opcode.js";
import { calledType } from "../wasm/operand-stack.js";
import { ValueType, type ValueTypeCode } from "../wasm/value-type.js";
import type { FunctionState } from "./function-state.js";
import { slotName } from "./names.js";
import { isFloat } from "./operand.js";
import { CALLS, call, conflicts, isHarmless, merge, signed, type Value } from "./value.js";
import { forgetGlobals } from "./variables.js";

const { i64 } = ValueType;

/** A call of a function, an import or an entry of the table. */
export function translateCall(state: FunctionState, instruction: LiveInstructions): void {
  const { opcode, index } = instruction;
  const { params, results } = calledType(state.module, opcode, index);
  const isIndirect = opcode === Op.callIndirect;
  const count = params.length + (isIndirect ? 1 : 0);
  if (isIndirect) {
    settleTableIndex(state, params.length);
  }
  const [result] = results;
  const isExpression = results.length === 1 && result !== undefined && result !== i64;
  if (!isExpression) {
    state.flush(CALLS, count);
  }
  const table = isIndirect
    ? `(${state.names.table(index)}[${signed(state.popOne()).text}]||${state.names.trap("indirectCall")})`
    : undefined;
  const args = state.takeExact(params.length);
  const effects = { reads: CALLS, writes: CALLS };
  forgetGlobals(state);
  pushCallResults(
    state,
    table === undefined ? state.names.call(index, args) : call(table, args, effects),
    results,
  );
}

function pushCallResults(state: FunctionState, value: Value, results: readonly ValueTypeCode[]): void {
  const [result] = results;
  if (result === undefined) {
    state.emit(value.text);
    return;
  }
  if (results.length === 1 && result !== i64) {
    state.pushOne(result, { ...value, ...(isFloat(result) ? { low: -Infinity, high: Infinity } : {}) });
    return;
  }
  const slots = state.temporariesFor(results);
  const flat = slots.flat();
  for (const [at, slot] of flat.entries()) {
    state.nonNegative.delete(slot);
    state.emit(`${slotName(slot)}=${at === 0 ? value.text : state.names.result(at)}`);
  }
  for (const [at, type] of results.entries()) {
    state.push(
      type,
      (slots[at] ?? []).map((slot) => state.slotValue(slot, type)),
    );
  }
}

/** A table index is looked up before the arguments are computed: it must not notice them, nor they it. */
function settleTableIndex(state: FunctionState, params: number): void {
  const [index] = state.top(1);
  const [value] = index?.parts ?? [];
  const args = state
    .top(params + 1)
    .slice(0, params)
    .flatMap(({ parts }) => parts.map(({ writes }) => writes));
  if (value === undefined || (isHarmless(value) && !conflicts(value.reads, merge(...args)))) {
    return;
  }
  for (let at = state.stack.length - params - 1; at < state.stack.length; at += 1) {
    state.spillFrom(at);
  }
}
