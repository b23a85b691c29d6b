import type { ValueTypeCode } from "../wasm/value-type.js";
import { ValueType } from "../wasm/value-type.js";
import type { FunctionState } from "./function-state.js";
import { shiftSlots, slotName } from "./names.js";
import { isFloat } from "./operand.js";
import type { Statement } from "./statement.js";
import type { FunctionCode } from "./translate-function.js";
import { CALLS, Precedence, signed, within } from "./value.js";
import { forgetGlobals } from "./variables.js";

const { i32, i64 } = ValueType;

/** Whether a call can be replaced by the code of its function, as far as its results tell. */
export function canTakeResults(results: readonly ValueTypeCode[]): boolean {
  return results.length === 0 || (results.length === 1 && results[0] !== i64);
}

/** Writes the code of a function where it is called, for one that is called nowhere else. `code`: gives it, translated. */
export function inlineFunction(
  state: FunctionState,
  index: number,
  params: readonly ValueTypeCode[],
  results: readonly ValueTypeCode[],
  code: () => FunctionCode,
): void {
  state.flush(CALLS, params.length);
  const operands = state.stack.splice(state.stack.length - params.length, params.length);
  const args = operands.flatMap(({ type, parts }) =>
    parts.map((part) => ({ type, value: isFloat(type) ? part : signed(part) })),
  );
  state.names.noteArguments(
    index,
    args.map(({ value }) => value),
  );
  const { statements, id, parameters, assigned, zeros, lastId } = code();
  const firstSlot = state.names.reserveSlots(statements, parameters);
  const known = new Map<number, string>();
  for (const [at, slot] of parameters.entries()) {
    const { type, value } = args[at] ?? { type: i32, value: undefined };
    const isAtom = value?.slot !== undefined || value?.constant !== undefined;
    if (value !== undefined && isAtom && !assigned.has(slot)) {
      known.set(slot, within(value, Precedence.primary));
    } else if (value !== undefined) {
      state.assign(firstSlot + slot, type, value);
    }
  }
  const rename = (text: string) => shiftSlots(text, firstSlot, known);
  const isRepeated = state.loops > 0;
  for (const [slot, zero] of zeros) {
    const renamed = state.names.isReserved(slot) ? slot : firstSlot + slot;
    if (isRepeated) {
      state.emit(`${slotName(renamed)}=${zero}`);
    } else {
      state.slots.zeros.set(renamed, zero);
    }
  }
  const [result] = results;
  const [[slot] = []] = state.temporariesFor(results);
  const base = state.lastId;
  state.lastId += lastId;
  const target = slot === undefined ? undefined : slotName(slot);
  const body = placed(statements, { rename, base, id, target });
  state.out.push({ kind: "block", id: base + id, body });
  forgetGlobals(state);
  if (result !== undefined && slot !== undefined) {
    state.nonNegative.delete(slot);
    if (result === i32 && state.names.signs.has(`${index} result`)) {
      state.nonNegative.add(slot);
    }
    state.pushOne(result, state.slotValue(slot, result));
  }
}

interface Place {
  readonly rename: (text: string) => string;
  /** What is added to the numbers of constructs. */
  readonly base: number;
  /** The construct that stands for the whole function. */
  readonly id: number;
  /** The local that takes the result. */
  readonly target: string | undefined;
}

function placed(statements: readonly Statement[], place: Place): Statement[] {
  return statements.flatMap((statement) => placedStatement(statement, place));
}

function placedStatement(statement: Statement, place: Place): Statement[] {
  const { rename, base, id, target } = place;
  switch (statement.kind) {
    case "do":
      return [{ kind: "do", text: rename(statement.text) }];
    case "leave": {
      if (statement.value === undefined) {
        return [{ kind: "leave", text: rename(statement.text) }];
      }
      const value = rename(statement.value);
      const done: Statement = { kind: "branch", target: base + id };
      return value === target ? [done] : [{ kind: "do", text: `${target ?? ""}=${value}` }, done];
    }
    case "if": {
      const { condition, whenTrue, whenFalse, choice } = statement;
      const { inverse } = condition;
      return [
        {
          kind: "if",
          condition: {
            text: rename(condition.text),
            precedence: condition.precedence,
            ...(inverse === undefined
              ? {}
              : { inverse: { text: rename(inverse.text), precedence: inverse.precedence } }),
          },
          whenTrue: placed(whenTrue, place),
          whenFalse: placed(whenFalse, place),
          ...(choice === undefined ? {} : { choice: { index: rename(choice.index), value: choice.value } }),
        },
      ];
    }
    case "block":
    case "loop":
      return [{ kind: statement.kind, id: base + statement.id, body: placed(statement.body, place) }];
    default:
      return [{ ...statement, target: base + statement.target }];
  }
}
