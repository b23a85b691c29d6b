import { EdgelessError } from "../../core/errors.js";
import { ValueType } from "../wasm/value-type.js";
import type { Construct } from "./construct.js";
import { handOver, noteWay } from "./constructs.js";
import type { FunctionState } from "./function-state.js";
import { truth } from "./integer-operations.js";
import { isFloat } from "./operand.js";
import type { Statement } from "./statement.js";
import {
  both,
  CALLS,
  comparison,
  conflicts,
  integer,
  isHarmless,
  merge,
  Precedence,
  signed,
  unsigned,
  type Value,
  within,
} from "./value.js";

const { i32, i64 } = ValueType;

function branchTarget(state: FunctionState, label: number): Construct {
  const construct = state.open[state.open.length - 1 - label];
  if (construct === undefined) {
    throw new EdgelessError(
      "EDGELESS_INTERNAL",
      "a valid function branches to a construct that is not there",
    );
  }
  return construct;
}

function isFunctionLabel(state: FunctionState, label: number): boolean {
  return label === state.open.length - 1;
}

/** Cases of one choice; each is a test, one after the other. */
const MAX_CASES = 1000;

/** The br instruction. */
export function translateBranch(state: FunctionState, label: number): void {
  if (isFunctionLabel(state, label)) {
    leaveFunction(state);
    return;
  }
  const construct = branchTarget(state, label);
  construct.isBranchedTo = true;
  handOver(state, construct.labelSlots, construct.labelSlots.length);
  state.flush(CALLS, 0);
  noteWay(state, construct);
  state.out.push({ kind: "branch", target: construct.id });
}

/** The statements that branch to a label with the operands below `above` others; nothing is taken. */
function branchStatements(state: FunctionState, label: number, above: number): Statement[] {
  const construct = branchTarget(state, label);
  const isFunction = isFunctionLabel(state, label);
  const count = isFunction ? state.type.results.length : construct.labelSlots.length;
  const height = state.stack.length;
  const kept = [...state.stack];
  state.stack.length = height - above;
  const values = state.top(count);
  const outside = state.out;
  const list: Statement[] = [];
  state.out = list;
  if (isFunction) {
    leaveFunction(state);
  } else {
    construct.isBranchedTo = true;
    state.stack.length = height - above - count;
    state.stack.push(...values);
    handOver(state, construct.labelSlots, count);
    noteWay(state, construct);
    list.push({ kind: "branch", target: construct.id });
  }
  state.out = outside;
  state.stack.length = 0;
  state.stack.push(...kept);
  return list;
}

/** The br_if instruction. */
export function branchIf(state: FunctionState, label: number): void {
  const count = isFunctionLabel(state, label)
    ? state.type.results.length
    : branchTarget(state, label).labelSlots.length;
  settleBelow(state, count);
  state.flush(CALLS, 1);
  const condition = truth(state.popOne());
  const whenTrue = branchStatements(state, label, 0);
  state.out.push({ kind: "if", condition, whenTrue, whenFalse: [] });
}

/** Makes the operands below the top one harmless, and such that they do not notice it. */
function settleBelow(state: FunctionState, count: number): void {
  const [top] = state.top(1);
  const writes = merge(...(top?.parts ?? []).map((part) => part.writes));
  const below = state.top(count + 1).slice(0, count);
  if (below.some(({ parts }) => parts.some((part) => !isHarmless(part) || conflicts(part.reads, writes)))) {
    for (let at = state.stack.length - 1 - count; at < state.stack.length - 1; at += 1) {
      state.spillFrom(at);
    }
  }
}

/** The br_table instruction: a chain of tests, one for each run of equal labels. */
export function branchTable(state: FunctionState, labels: readonly number[]): void {
  const fallback = labels[labels.length - 1] ?? 0;
  const count = isFunctionLabel(state, fallback)
    ? state.type.results.length
    : branchTarget(state, fallback).labelSlots.length;
  settleBelow(state, count);
  state.simplify();
  state.flush(CALLS, 1);
  const index = signed(state.popOne());
  // The index is in use until the branch is done.
  state.stack.push({ type: i32, parts: [index] });
  const cases = labels.slice(0, -1);
  if (cases.length > MAX_CASES) {
    throw new EdgelessError(
      "EDGELESS_WASM_TOO_LARGE",
      `a function chooses among ${cases.length} cases, ${MAX_CASES} can be translated for boards`,
    );
  }
  for (let at = 0; at < cases.length; ) {
    let end = at + 1;
    while (end < cases.length && cases[end] === cases[at]) {
      end += 1;
    }
    if (cases[at] !== fallback) {
      const condition = inRange(index, at, end - 1);
      const whenTrue = branchStatements(state, cases[at] ?? 0, 1);
      const choice = end === at + 1 ? { choice: { index: index.text, value: at } } : {};
      state.out.push({ kind: "if", condition, whenTrue, whenFalse: [], ...choice });
    }
    at = end;
  }
  for (const statement of branchStatements(state, fallback, 1)) {
    state.out.push(statement);
  }
  state.pop();
}

/** Returns with the top operands; results after the first go through variables of the text. */
export function leaveFunction(state: FunctionState): void {
  const { results } = state.type;
  const count = results.length;
  if (count > 1 || results[0] === i64) {
    state.settle(count);
  }
  state.flush(CALLS, count);
  const operands = state.stack.splice(state.stack.length - count, count);
  const parts = operands.flatMap(({ type, parts: halves }) => (isFloat(type) ? halves : halves.map(signed)));
  for (const [at, value] of parts.entries()) {
    if (at > 0) {
      const name = state.names.result(at);
      state.emit(`${name}=${within(value, Precedence.assignment)}`);
    }
  }
  const [value] = parts;
  if (results[0] === i32) {
    state.names.signs.note(`${state.index} result`, value);
  }
  const [root] = state.open;
  if (value === undefined) {
    state.out.push({ kind: "branch", target: root?.id ?? 0 });
  } else {
    const text = within(value, Precedence.assignment);
    state.returned = count === 1 ? value : undefined;
    state.out.push({ kind: "leave", text: `return${text.startsWith("(") ? "" : " "}${text}`, value: text });
  }
}

function inRange(index: Value, from: number, to: number): Value {
  if (from === to) {
    return comparison(index, "==", integer(from));
  }
  return from === 0
    ? comparison(unsigned(index), "<=", integer(to))
    : both(comparison(index, ">=", integer(from)), comparison(index, "<=", integer(to)));
}
