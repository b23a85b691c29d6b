import { EdgelessError } from "../../core/errors.js";
import { Op } from "../wasm/opcode.js";
import { ValueType } from "../wasm/value-type.js";
import type { FunctionState } from "./function-state.js";
import { binaryInteger, extended } from "./integer-operations.js";
import { slotName } from "./names.js";
import { isFloat } from "./operand.js";
import {
  ANY_NUMBER,
  binary,
  both,
  CALLS,
  call,
  comparison,
  integer,
  NO_EFFECTS,
  not,
  primary,
  signed,
  unsigned,
  type Value,
} from "./value.js";
import { WIDE_OPERATIONS, type WideOperation } from "./wide-operations.js";

const { i32, i64, f32, f64 } = ValueType;

/** Pushes an i64 from a call that gives its lower half and leaves the upper one; the call is carried out now. */
export function pushWideCall(state: FunctionState, text: string): void {
  const [slots = []] = state.temporariesFor([i64]);
  const [low = 0, high = 0] = slots;
  state.emit(`${slotName(low)}=${text}`);
  state.emit(`${slotName(high)}=${state.names.part("high")}`);
  state.push(
    i64,
    slots.map((slot) => state.slotValue(slot, i64)),
  );
}

/** An instruction that takes or gives an i64. */
export function translateWide(state: FunctionState, opcode: number, signature: string): void {
  const operation: WideOperation | undefined = WIDE_OPERATIONS.get(opcode);
  const count = signature.indexOf(":");
  if (operation === undefined) {
    wideInline(state, opcode, count);
    return;
  }
  const given = (): Value[] => {
    const operands = state
      .top(count)
      .flatMap(({ type, parts }) => (isFloat(type) ? parts : parts.map(signed)));
    state.stack.length -= count;
    return operation.order?.(operands) ?? operands;
  };
  const name = state.use(operation.helper);
  switch (operation.result) {
    case "wide":
      state.flush(operation.traps ? CALLS : NO_EFFECTS, count);
      pushWideCall(state, call(name, given()).text);
      return;
    case "count":
      state.pushOne(i32, call(name, given(), {}, [0, 64]));
      extendToWide(state, true);
      return;
    case "float":
      state.pushOne(signature.endsWith("f") ? f32 : f64, call(name, given(), {}, ANY_NUMBER));
      return;
    default: {
      const test = call(name, given(), {}, [0, 1]);
      state.pushOne(i32, operation.isNegated ? not(test) : test);
    }
  }
}

function wideInline(state: FunctionState, opcode: number, count: number): void {
  switch (opcode) {
    case 0xb9:
    case 0xba: {
      const [low = integer(0), high = integer(0)] = state.pop().parts;
      const upper = binary(
        opcode === 0xba ? unsigned(high) : signed(high),
        "*",
        primary("4294967296"),
        ANY_NUMBER,
      );
      state.pushOne(f64, binary(upper, "+", unsigned(low), ANY_NUMBER));
      return;
    }
    case 0xa7: {
      const [low = integer(0)] = state.pop().parts;
      state.pushOne(i32, low);
      return;
    }
    case 0xac:
    case 0xad:
      extendToWide(state, opcode === 0xad);
      return;
    case 0xc2:
    case 0xc3: {
      const [low = integer(0)] = state.pop().parts;
      state.pushOne(i32, extended(low, opcode === 0xc2 ? 24 : 16));
      extendToWide(state, false);
      return;
    }
    case 0xc4: {
      const [low = integer(0)] = state.pop().parts;
      state.pushOne(i32, low);
      extendToWide(state, false);
      return;
    }
    case 0x50: {
      const [low = integer(0), high = integer(0)] = state.pop().parts;
      state.pushOne(i32, not(high.constant === 0 ? signed(low) : binary(low, "|", high)));
      return;
    }
  }
  const [right, left] = [state.pop(), count === 2 ? state.pop() : undefined];
  const [low = integer(0), high = integer(0)] = (left ?? right).parts.map(signed);
  const [otherLow = integer(0), otherHigh = integer(0)] = right.parts.map(signed);
  switch (opcode) {
    case 0x51:
    case 0x52: {
      const isZero = otherLow.constant === 0 && otherHigh.constant === 0;
      const test = isZero
        ? not(binary(low, "|", high))
        : both(comparison(low, "==", otherLow), comparison(high, "==", otherHigh));
      state.pushOne(i32, opcode === 0x51 ? test : not(test));
      return;
    }
    case 0x83:
    case 0x84:
    case 0x85: {
      const code = Op.i32Add + 7 + (opcode - 0x83);
      state.push(i64, [
        folded(binaryInteger(code, low, otherLow, state.use), opcode, low, otherLow),
        folded(binaryInteger(code, high, otherHigh, state.use), opcode, high, otherHigh),
      ]);
      return;
    }
  }
  throw new EdgelessError("EDGELESS_INTERNAL", `no translation of instruction 0x${opcode.toString(16)}`);
}

/** The i32 on top as an i64. */
export function extendToWide(state: FunctionState, isUnsigned: boolean): void {
  state.simplify();
  const value = state.popOne();
  const low = signed(value);
  const sign = value.low >= 0 && value.high < 2 ** 31;
  const high = isUnsigned || sign ? integer(0) : binary(low, ">>", integer(31), [-1, 0]);
  state.push(i64, [low, value.constant === undefined || isUnsigned ? high : integer(value.constant >> 31)]);
}

/** One half of a bitwise operation, where one side is known to make it simple. */
function folded(value: Value, opcode: number, left: Value, right: Value): Value {
  if (left.constant !== undefined && right.constant !== undefined) {
    const [a, b] = [left.constant, right.constant];
    return integer(opcode === 0x83 ? a & b : opcode === 0x84 ? a | b : a ^ b);
  }
  if (opcode === 0x83 && (left.constant === 0 || right.constant === 0)) {
    return integer(0);
  }
  if (right.constant === (opcode === 0x83 ? -1 : 0)) {
    return left;
  }
  return value;
}
