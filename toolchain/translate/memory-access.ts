import { ByteReader } from "../wasm/byte-reader.js";
import type { LiveInstructions } from "../wasm/live-instructions.js";
import { Op } from "../wasm/opcode.js";
import { ValueType, type ValueTypeCode } from "../wasm/value-type.js";
import type { FunctionState } from "./function-state.js";
import type { Helper } from "./helpers.js";
import { extended } from "./integer-operations.js";
import { isFloat } from "./operand.js";
import {
  ANY_NUMBER,
  binary,
  call,
  combine,
  Effect,
  integer,
  LOADS,
  merge,
  NO_EFFECTS,
  Precedence,
  primary,
  STORES,
  signed,
  unsigned,
  type Value,
  within,
} from "./value.js";
import { extendToWide, pushWideCall } from "./wide-numbers.js";

const { i32, i64, f32, f64 } = ValueType;

/** A load or store. */
export function translateMemoryAccess(state: FunctionState, instruction: LiveInstructions): void {
  const reader = new ByteReader(state.module.bytes, instruction.immediates);
  reader.u32();
  const offset = reader.u32();
  const { opcode } = instruction;
  if (opcode < Op.i32Store) {
    translateLoad(state, opcode, offset);
  } else {
    translateStore(state, opcode, offset);
  }
}

/** The address as a number that is inside the memory exactly when the access is. */
function accessAddress(state: FunctionState, value: Value, offset: number): Value {
  const isDirect = !value.loose && value.low > state.names.mostMemoryBytes - 2 ** 32 && value.high < 2 ** 32;
  const base = offset === 0 ? (isDirect ? value : signed(value)) : unsigned(value);
  if (value.holds !== undefined) {
    state.nonNegative.add(value.holds);
  }
  if (offset === 0) {
    return base;
  }
  if (base.constant !== undefined) {
    return integer(base.constant + offset);
  }
  return binary(base, "+", integer(offset), [offset, 2 ** 33]);
}

function translateLoad(state: FunctionState, opcode: number, offset: number): void {
  const type = loadedType(opcode);
  if (type === i64) {
    loadWide(state, opcode, offset);
    return;
  }
  const address = accessAddress(state, state.popOne(), offset);
  state.pushOne(type, loadedValue(state, opcode, address));
}

function loadedValue(state: FunctionState, opcode: number, address: Value): Value {
  const reads = { reads: LOADS };
  switch (opcode) {
    case 0x2a:
      return call(state.use("loadSingle"), [address], reads, ANY_NUMBER);
    case 0x2b:
      return call(state.use("loadDouble"), [address], reads, ANY_NUMBER);
    case 0x2c:
    case 0x30:
      return extended(loadByte(state, address), 24);
    case 0x2d:
    case 0x31:
      return loadByte(state, address);
    case 0x2e:
    case 0x32:
      return extended(call(state.use("load16"), [address], reads, [0, 0xffff]), 16);
    case 0x2f:
    case 0x33:
      return call(state.use("load16"), [address], reads, [0, 0xffff]);
    default:
      return wordAt(state, address) ?? call(state.use("load32"), [address], reads);
  }
}

/** The word at a constant address that is in the memory from the start, whichever way it is used. */
function wordAt(state: FunctionState, { constant }: Value): Value | undefined {
  return constant !== undefined && constant % 4 === 0 && constant >= 0 && constant < state.names.memoryBytes
    ? primary(`${state.names.part("words")}[${constant / 4}]`, { reads: new Set([Effect.memory]) })
    : undefined;
}

/** In loops without a call of a helper, which costs more text but less time. */
function loadByte(state: FunctionState, address: Value): Value {
  // The name of the memory would come before a call that may make it another one.
  if (state.loops === 0 || (state.names.canGrow && address.writes.has(Effect.memory))) {
    return call(state.use("load8"), [address], { reads: LOADS }, [0, 255]);
  }
  const { reads, writes, depth } = combine(address);
  return {
    ...primary(
      `${state.names.part("memory")}[${address.text}]??${state.names.trap("memory")}`,
      { reads: merge(reads, LOADS), writes, depth },
      [0, 255],
    ),
    precedence: Precedence.conditional,
  };
}

function loadWide(state: FunctionState, opcode: number, offset: number): void {
  if (opcode === 0x29) {
    state.flush(NO_EFFECTS, 1);
    const address = accessAddress(state, state.popOne(), offset);
    pushWideCall(state, call(state.use("load64"), [address]).text);
    return;
  }
  const isUnsigned = opcode === 0x31 || opcode === 0x33 || opcode === 0x35;
  const address = accessAddress(state, state.popOne(), offset);
  state.pushOne(i32, loadedValue(state, opcode, address));
  extendToWide(state, isUnsigned);
}

function translateStore(state: FunctionState, opcode: number, offset: number): void {
  state.flush(STORES, 2);
  const value = state.pop();
  const address = accessAddress(state, state.popOne(), offset);
  const helper = storeHelper(opcode);
  const parts = helper === "store64" ? value.parts : value.parts.slice(0, 1);
  const stored = isFloat(value.type) ? parts : parts.map(storable);
  if (helper === "store8" && state.loops > 0 && stored[0]?.writes.size === 0) {
    const place = inLocal(state, address);
    if (place !== undefined) {
      storeByte(state, place, stored[0]);
      return;
    }
  }
  const word = helper === "store32" ? wordAt(state, address) : undefined;
  if (word !== undefined && stored[0] !== undefined) {
    state.emit(`${word.text}=${within(stored[0], Precedence.assignment)}`);
    return;
  }
  const { text } = call(state.use(helper), [address, ...stored]);
  state.emit(text);
}

/** The address as a local, if it is one or is being assigned to one. */
function inLocal(state: FunctionState, address: Value): Value | undefined {
  const { slot, holds, text, precedence } = address;
  if (slot !== undefined || holds === undefined || holds < 0 || precedence !== Precedence.assignment) {
    return slot === undefined ? undefined : address;
  }
  state.emit(text);
  const { low, high } = address;
  return { ...state.slotValue(holds, ValueType.i32), low, high };
}

function storeByte(state: FunctionState, address: Value, value: Value): void {
  const isKnown = address.low >= 0;
  const test = `${isKnown ? address.text : `${address.text}>>>0`}<${state.names.part("limit")}`;
  const index = `${test}?${address.text}:${state.names.trap("memory")}`;
  const text = `${state.names.part("memory")}[${index}]=${within(value, Precedence.assignment)}`;
  state.emit(text);
}

/** The memory.fill or memory.copy instruction. */
export function translateBulk(state: FunctionState, opcode: number): void {
  state.flush(STORES, 3);
  const length = unsigned(state.popOne());
  const source = state.popOne();
  const target = unsigned(state.popOne());
  const isFill = opcode === Op.memoryFill;
  const args = [target, isFill ? signed(source) : unsigned(source), length];
  state.emit(call(state.use(isFill ? "fill" : "copy"), args).text);
}

/** A value that a memory of integers stores as it is, or its exact form. */
function storable(value: Value): Value {
  return !value.loose && value.low >= -(2 ** 31) && value.high < 2 ** 32 ? value : signed(value);
}

function loadedType(opcode: number): ValueTypeCode {
  if (opcode === 0x29 || (opcode >= 0x30 && opcode <= 0x35)) {
    return i64;
  }
  return opcode === 0x2a ? f32 : opcode === 0x2b ? f64 : i32;
}

function storeHelper(opcode: number): Helper {
  switch (opcode) {
    case 0x37:
      return "store64";
    case 0x38:
      return "storeSingle";
    case 0x39:
      return "storeDouble";
    case 0x3a:
    case 0x3c:
      return "store8";
    case 0x3b:
    case 0x3d:
      return "store16";
    default:
      return "store32";
  }
}
