import { EdgelessError } from "../../core/errors.js";
import type { LiveInstructions } from "../wasm/live-instructions.js";
import { Op } from "../wasm/opcode.js";
import { blockFunctionType } from "../wasm/operand-stack.js";
import type { FunctionType } from "../wasm/value-type.js";
import { leaveFunction } from "./branches.js";
import type { Construct } from "./construct.js";
import type { FunctionState } from "./function-state.js";
import { truth } from "./integer-operations.js";
import { isFloat, type Operand } from "./operand.js";
import type { Statement } from "./statement.js";
import { CALLS, conditional, conflicts, exactUnlessZero, integer, type Value } from "./value.js";
import { forgetGlobals } from "./variables.js";

/** Constructs inside each other; a choice of many cases has a block for each of them. */
const MAX_OPEN = 400;

/** The block, loop or if instruction. `assignedIn`: the locals assigned in each construct, by the offset of its instruction. */
export function beginConstruct(
  state: FunctionState,
  instruction: LiveInstructions,
  assignedIn: ReadonlyMap<number, ReadonlySet<number>>,
): void {
  const { opcode, blockType, start } = instruction;
  const type = blockFunctionType(state.module, blockType);
  const assigned = new Set([...(assignedIn.get(start) ?? [])].flatMap((local) => state.slots.of(local)));
  const hasCondition = opcode === Op.if;
  if (type.params.length > 0) {
    // Parameters of a loop or an arm are values that can be taken again.
    const condition = hasCondition ? 1 : 0;
    for (let at = type.params.length + condition; at > 0; at -= 1) {
      state.spillFrom(state.stack.length - at);
    }
  }
  state.flush(new Set([...CALLS, ...assigned]), hasCondition ? 1 : 0);
  const condition = hasCondition ? truth(state.popOne()) : undefined;
  const params = state.stack.splice(state.stack.length - type.params.length, type.params.length);
  openConstruct(state, opcode, type, assigned, condition, params);
}

/** Opens a construct whose parameters were taken from the operand stack. `assigned`: slots that are assigned in it. */
export function openConstruct(
  state: FunctionState,
  opcode: number,
  type: FunctionType,
  assigned: ReadonlySet<number>,
  condition: Value | undefined,
  params: readonly Operand[],
): void {
  if (state.open.length > MAX_OPEN) {
    throw new EdgelessError(
      "EDGELESS_WASM_TOO_LARGE",
      `a function has more than ${MAX_OPEN} blocks inside each other, which boards cannot hold`,
    );
  }
  state.lastId += 1;
  const isFunction = state.open.length === 0;
  // The parameters are in use while slots are chosen.
  state.stack.push(...params);
  const slots = state.temporariesFor([...(opcode === Op.loop ? type.params : []), ...type.results]);
  const labels = opcode === Op.loop ? type.params.length : 0;
  const resultSlots = isFunction ? [] : slots.slice(labels);
  const labelSlots = opcode === Op.loop ? slots.slice(0, labels) : resultSlots;
  state.stack.length -= params.length;
  for (const slot of slots.flat()) {
    state.nonNegative.delete(slot);
  }
  if (opcode === Op.loop) {
    for (const slot of assigned) {
      state.nonNegative.delete(slot);
    }
    forgetGlobals(state);
    state.loops += 1;
  }
  const outside = state.out;
  let inside = params;
  if (opcode === Op.loop && params.length > 0) {
    for (const [at, { type: paramType, parts }] of params.entries()) {
      for (const [part, slot] of (labelSlots[at] ?? []).entries()) {
        const value = parts[part];
        if (value !== undefined) {
          state.assign(slot, paramType, value);
        }
      }
    }
    inside = params.map(({ type: paramType }, at) => ({
      type: paramType,
      parts: (labelSlots[at] ?? []).map((slot) => state.slotValue(slot, paramType)),
    }));
  }
  state.open.push({
    opcode,
    id: state.lastId,
    type,
    base: state.stack.length,
    outside,
    labelSlots,
    resultSlots,
    condition,
    params,
    assigned,
    nonNegative: new Set(state.nonNegative),
    isBranchedTo: false,
  });
  state.stack.push(...inside);
  state.out = [];
}

/** The `else` or `end` of the innermost construct. */
export function finishArm(state: FunctionState, opcode: number, isLive: boolean): void {
  const construct = state.open[state.open.length - 1];
  if (construct === undefined) {
    return;
  }
  const { type, base, params } = construct;
  if (state.open.length === 1) {
    if (isLive) {
      leaveFunction(state);
    }
    state.open.pop();
    return;
  }
  if (construct.opcode === Op.loop && isLive) {
    handOver(state, construct.resultSlots, type.results.length);
  }
  const isKept = isLive && construct.opcode !== Op.loop;
  if (isKept) {
    state.flush(CALLS, type.results.length);
  }
  if (isLive && construct.opcode !== Op.loop) {
    noteWay(state, construct);
  }
  const results = isKept ? state.stack.splice(state.stack.length - type.results.length) : undefined;
  state.stack.length = Math.min(state.stack.length, base);
  if (opcode === Op.else) {
    setSigns(state, construct.nonNegative);
    construct.firstArm = { list: state.out, results };
    state.out = [];
    state.stack.push(...params);
    return;
  }
  if (construct.opcode === Op.if && construct.firstArm === undefined) {
    setSigns(state, construct.nonNegative);
    noteWay(state, construct);
  }
  if (construct.opcode !== Op.loop) {
    setSigns(state, construct.atEnd ?? new Set());
  }
  state.open.pop();
  const list = state.out;
  state.out = construct.outside;
  switch (construct.opcode) {
    case Op.loop:
      state.loops -= 1;
      state.out.push({ kind: "loop", id: construct.id, body: list });
      pushResultSlots(state, construct);
      return;
    case Op.block:
      endBlock(state, construct, list, results);
      return;
    default:
      endIf(state, construct, list, results);
  }
}

/** Another way to the end of a block or choice: what is known there is what is known on all of them. */
export function noteWay(state: FunctionState, construct: Construct): void {
  const { atEnd } = construct;
  const kept = [...state.nonNegative].filter(
    (slot) => slot < state.slots.firstTemporary && atEnd?.has(slot) !== false,
  );
  construct.atEnd = new Set(kept);
}

function setSigns(state: FunctionState, known: ReadonlySet<number>): void {
  state.nonNegative.clear();
  for (const slot of known) {
    state.nonNegative.add(slot);
  }
}

function pushResultSlots(state: FunctionState, { type, resultSlots }: Construct): void {
  for (const [at, result] of type.results.entries()) {
    state.push(
      result,
      (resultSlots[at] ?? []).map((slot) => state.slotValue(slot, result)),
    );
  }
}

function endBlock(
  state: FunctionState,
  construct: Construct,
  list: Statement[],
  results: readonly Operand[] | undefined,
): void {
  if (!construct.isBranchedTo && results !== undefined) {
    for (const statement of list) {
      state.out.push(statement);
    }
    state.stack.push(...results);
    return;
  }
  assignResults(state, construct, list, results);
  state.out.push({ kind: "block", id: construct.id, body: list });
  pushResultSlots(state, construct);
}

function endIf(
  state: FunctionState,
  construct: Construct,
  list: Statement[],
  results: readonly Operand[] | undefined,
): void {
  const { condition = integer(0), type, id, params } = construct;
  const arm = construct.firstArm ?? { list, results };
  const other =
    construct.firstArm === undefined ? { list: [] as Statement[], results: params } : { list, results };
  const [then] = arm.results ?? [];
  const [otherwise] = other.results ?? [];
  const isPlain = !construct.isBranchedTo && arm.list.length === 0 && other.list.length === 0;
  if (isPlain && type.results.length === 1 && then?.parts.length === 1 && otherwise !== undefined) {
    const [left = integer(0)] = then.parts;
    const [right = integer(0)] = otherwise.parts;
    const exact = isFloat(then.type) ? (value: Value) => value : exactUnlessZero;
    state.pushOne(then.type, conditional(condition, exact(left), exact(right)));
    return;
  }
  assignResults(state, construct, arm.list, arm.results);
  assignResults(state, construct, other.list, other.results);
  const statement: Statement = { kind: "if", condition, whenTrue: arm.list, whenFalse: other.list };
  state.out.push(construct.isBranchedTo ? { kind: "block", id, body: [statement] } : statement);
  pushResultSlots(state, construct);
}

/** Assigns the results that an arm leaves to the slots of its construct, at the end of the arm. */
function assignResults(
  state: FunctionState,
  { resultSlots }: Construct,
  list: Statement[],
  results: readonly Operand[] | undefined,
): void {
  const outside = state.out;
  state.out = list;
  const height = state.stack.length;
  state.stack.push(...(results ?? []));
  if (results !== undefined) {
    handOver(state, resultSlots, results.length);
  }
  state.stack.length = height;
  state.out = outside;
}

/** Assigns the top operands, which it takes, to slots. */
export function handOver(state: FunctionState, slots: readonly (readonly number[])[], count: number): void {
  if (count === 0) {
    state.flush(CALLS, 0);
    return;
  }
  const all = new Set(slots.flat());
  const operands = state.top(count);
  if (
    count > 1 &&
    operands.some(({ parts }) => parts.some(({ reads, writes }) => conflicts(reads, all) || writes.size > 0))
  ) {
    for (let at = state.stack.length - count; at < state.stack.length; at += 1) {
      state.spillFrom(at);
    }
  }
  state.flush(CALLS, count);
  const values = state.stack.splice(state.stack.length - count, count);
  for (const [at, { type, parts }] of values.entries()) {
    state.assignAll(slots[at] ?? [], type, parts);
  }
}
