import { ValueType } from "../wasm/value-type.js";
import { pushConstant } from "./constants.js";
import type { FunctionState } from "./function-state.js";
import { slotName } from "./names.js";
import { isFloat } from "./operand.js";
import { ANY_NUMBER, globalEffect, merge, Precedence, primary, signed, within } from "./value.js";

const { i32, i64 } = ValueType;

/** The local.get instruction. */
export function getLocal(state: FunctionState, local: number): void {
  const type = state.slots.typeOf(local);
  state.slots.read(local, state.open);
  state.push(
    type,
    state.slots.of(local).map((slot) => state.slotValue(slot, type)),
  );
}

/** The local.set instruction. */
export function setLocal(state: FunctionState, local: number): void {
  const type = state.slots.typeOf(local);
  const slots = state.slots.of(local);
  state.slots.write(local, state.open);
  state.flush(new Set(slots), 1);
  const { parts } = state.pop();
  state.assignAll(slots, type, parts);
  const [only] = parts;
  state.noteSign(slots[0] ?? 0, type, only);
}

/** The local.tee instruction: an assignment as an expression. */
export function teeLocal(state: FunctionState, local: number): void {
  const type = state.slots.typeOf(local);
  if (type === i64) {
    setLocal(state, local);
    getLocal(state, local);
    return;
  }
  state.slots.write(local, state.open);
  const slot = state.slots.of(local)[0] ?? 0;
  const given = state.popOne();
  const value = isFloat(type) ? given : signed(given);
  state.noteSign(slot, type, value);
  const { low, high, loose, reads } = value;
  state.pushOne(type, {
    text: `${slotName(slot)}=${within(value, Precedence.assignment)}`,
    precedence: Precedence.assignment,
    depth: value.depth + 1,
    low,
    high,
    loose,
    reads,
    writes: merge(value.writes, new Set([slot])),
    holds: slot,
  });
}

/** The global.get instruction; a global that never changes is its constant. */
export function getGlobal(state: FunctionState, index: number): void {
  const type = state.module.globals[index];
  const constant = state.names.constantGlobal(index);
  if (type !== undefined && constant !== undefined) {
    pushConstant(state, type.type, constant);
    return;
  }
  const effect = globalEffect(index);
  const effects = { reads: new Set([effect]) };
  const isKnown = state.nonNegative.has(effect) || state.names.signs.has(`global ${index}`);
  const known: readonly [number, number] | undefined = isKnown ? [0, 2 ** 31 - 1] : undefined;
  const bounds = isFloat(type?.type ?? i32) ? ANY_NUMBER : known;
  state.push(
    type?.type ?? i32,
    state.names.global(index).map((name) => ({ ...primary(name, effects, bounds), holds: effect })),
  );
}

/** The global.set instruction. */
export function setGlobal(state: FunctionState, index: number): void {
  const type = state.module.globals[index]?.type ?? i32;
  state.flush(new Set([globalEffect(index)]), 1);
  const names = state.names.global(index);
  if (type === i64) {
    // The halves may read each other's old value.
    simplifyReading(state, globalEffect(index));
  }
  const { parts } = state.pop();
  state.noteSign(globalEffect(index), type, parts[0]);
  state.names.signs.note(`global ${index}`, parts[0]);
  for (const [at, value] of parts.entries()) {
    const exact = isFloat(type) ? value : signed(value);
    state.emit(`${names[at]}=${within(exact, Precedence.assignment)}`);
  }
}

function simplifyReading(state: FunctionState, effect: number): void {
  const [operand] = state.top(1);
  if (operand?.parts.some(({ reads }) => reads.has(effect))) {
    state.spillFrom(state.stack.length - 1);
  }
}

/** The signs of globals are known only until something else may set them. */
export function forgetGlobals(state: FunctionState): void {
  for (const key of state.nonNegative) {
    if (key < 0) {
      state.nonNegative.delete(key);
    }
  }
}
