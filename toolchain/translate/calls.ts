import type { LiveInstructions } from "../wasm/live-instructions.js";
import { Op } from "../wasm/opcode.js";
import { calledType } from "../wasm/operand-stack.js";
import { ValueType, type ValueTypeCode } from "../wasm/value-type.js";
import type { FunctionState } from "./function-state.js";
import { canTakeResults, inlineFunction } from "./inlined-function.js";
import { slotName } from "./names.js";
import { isFloat } from "./operand.js";
import { type FunctionCode, translateFunction } from "./translate-function.js";
import { CALLS, call, conflicts, isHarmless, merge, signed, type Value } from "./value.js";
import { forgetGlobals } from "./variables.js";

const { i64 } = ValueType;

/**
 * Bytes of a function that is written into its only caller; inside of a construct less, because the interpreter reads over
 * what it does not run.
 */
const MAX_INLINED_BYTES = 1000;
const MAX_INLINED_INSIDE = 120;
const MAX_INLINED_DEPTH = 5;

/** A call of a function, an import or an entry of the table. */
export function translateCall(state: FunctionState, instruction: LiveInstructions): void {
  const { opcode, index } = instruction;
  const { params, results } = calledType(state.module, opcode, index);
  const isIndirect = opcode === Op.callIndirect;
  const count = params.length + (isIndirect ? 1 : 0);
  if (isIndirect) {
    settleTableIndex(state, params.length);
  }
  const code = isIndirect ? undefined : onlyHere(state, index, results);
  if (code !== undefined) {
    inlineFunction(state, index, params, results, code);
    return;
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

/** Translates a function that is called here only, if its code should be here. */
function onlyHere(
  state: FunctionState,
  index: number,
  results: readonly ValueTypeCode[],
): (() => FunctionCode) | undefined {
  const body = state.names.bodyOf(index);
  const most = state.open.length > 1 ? MAX_INLINED_INSIDE : MAX_INLINED_BYTES;
  if (
    body === undefined ||
    body.end - body.start > most ||
    state.depth >= MAX_INLINED_DEPTH ||
    !canTakeResults(results) ||
    state.names.expressionOf(index) !== undefined
  ) {
    return undefined;
  }
  return () => translateFunction(state.module, index, body, state.names, false, state.depth + 1);
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
