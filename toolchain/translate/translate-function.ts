import { EdgelessError } from "../../core/errors.js";
import { ByteReader } from "../wasm/byte-reader.js";
import { LiveInstructions } from "../wasm/live-instructions.js";
import { Op } from "../wasm/opcode.js";
import { blockFunctionType, calledType, localTypes } from "../wasm/operand-stack.js";
import { type FunctionType, ValueType, type ValueTypeCode } from "../wasm/value-type.js";
import type { FunctionBody, WasmModule } from "../wasm/wasm-module.js";
import { scanConstructs } from "./construct-scan.js";
import {
  binaryFloat,
  compareFloats,
  float,
  fromInteger,
  rounded,
  toInteger,
  unaryFloat,
} from "./float-operations.js";
import type { Helper } from "./helpers.js";
import { binaryInteger, truth, unaryInteger } from "./integer-operations.js";
import type { ModuleNames } from "./module-names.js";
import { slotName } from "./names.js";
import type { Statement } from "./statement.js";
import { type Constant, readBits, readConstant } from "./static-parts.js";
import {
  binary,
  CALLS,
  call,
  combine,
  comparison,
  conditional,
  conflicts,
  type Effects,
  globalEffect,
  integer,
  isHarmless,
  LOADS,
  merge,
  NO_EFFECTS,
  not,
  Precedence,
  primary,
  STORES,
  signed,
  unsigned,
  type Value,
  within,
} from "./value.js";
import { WIDE_OPERATIONS, type WideOperation } from "./wide-operations.js";

const { i32, i64, f32, f64 } = ValueType;

/** Operators and calls inside each other, and characters, beyond which an operand gets a local of its own. */
const MAX_DEPTH = 9;
const MAX_LENGTH = 400;

/** A number whose text must be a float for the interpreter of a board. */
const ANY: readonly [number, number] = [-Infinity, Infinity];

/** An operand: one value, or the two halves of an i64, which are harmless to leave out or repeat. */
interface Operand {
  readonly type: ValueTypeCode;
  readonly parts: readonly Value[];
}

interface Construct {
  readonly opcode: number;
  readonly id: number;
  readonly type: FunctionType;
  /** Height of the operand stack below its parameters. */
  readonly base: number;
  /** The list of statements around it. */
  readonly outside: Statement[];
  /** Slots in which values are handed to its label, and to what follows it. */
  readonly labelSlots: readonly (readonly number[])[];
  readonly resultSlots: readonly (readonly number[])[];
  readonly condition: Value | undefined;
  readonly params: readonly Operand[];
  /** Locals that are assigned in it. */
  readonly assigned: ReadonlySet<number>;
  readonly nonNegative: ReadonlySet<number>;
  isBranchedTo: boolean;
  then?: { readonly list: Statement[]; readonly results: readonly Operand[] | undefined };
}

/** A translated function before it is written as text. */
export interface FunctionCode {
  readonly statements: readonly Statement[];
  /** Number of the construct that stands for the whole function. */
  readonly id: number;
  /** Slots of the parameters, in order. */
  readonly parameters: readonly number[];
  /** Slots that begin as zero, with the text of the zero. */
  readonly zeros: ReadonlyMap<number, string>;
  /** What it returns, when it does nothing but that. */
  readonly returned: Value | undefined;
}

/** Translates the code of one function into statements, keeping the order of everything that can be seen. */
export class FunctionTranslator {
  readonly #module: WasmModule;
  readonly #names: ModuleNames;
  readonly #type: FunctionType;
  readonly #body: FunctionBody;
  readonly #locals: readonly ValueTypeCode[];
  /** First slot of every local. */
  readonly #slots: readonly number[];
  readonly #assigned: ReadonlyMap<number, ReadonlySet<number>>;
  readonly #zeros = new Map<number, string>();
  readonly #touched = new Set<number>();
  readonly #stack: Operand[] = [];
  readonly #open: Construct[] = [];
  readonly #nonNegative = new Set<number>();
  readonly #firstTemporary: number;
  #temporaries = 0;
  #out: Statement[] = [];
  #lastId = 0;
  #loops: number;
  #returned: Value | undefined;

  /** `isInlined`: the text goes where it is called, so that it may be longer for less time, as in a loop. */
  constructor(
    module: WasmModule,
    index: number,
    body: FunctionBody,
    names: ModuleNames,
    isInlined = false,
  ) {
    this.#loops = isInlined ? 1 : 0;
    this.#module = module;
    this.#names = names;
    this.#body = body;
    this.#type = module.types[module.functions[index] ?? 0] ?? { params: [], results: [] };
    this.#locals = localTypes(this.#type, body);
    let next = 0;
    this.#slots = this.#locals.map((type) => {
      const slot = next;
      next += width(type);
      return slot;
    });
    this.#firstTemporary = next;
    this.#assigned = scanConstructs(module.bytes, body);
  }

  /** Throws EDGELESS_WASM_ABI for what no board can run, EDGELESS_WASM_TOO_LARGE. */
  translate(): FunctionCode {
    const { params, results } = this.#type;
    this.#begin(Op.block, { params: [], results }, new Set(), undefined, []);
    const id = this.#lastId;
    for (const at of params.keys()) {
      this.#touched.add(at);
    }
    const instruction = new LiveInstructions(
      new ByteReader(this.#module.bytes, this.#body.start, this.#body.end),
    );
    let isLive = true;
    while (this.#open.length > 0 && instruction.next()) {
      const { opcode } = instruction;
      if (opcode === Op.end || opcode === Op.else) {
        this.#finishArm(opcode, isLive);
        isLive = true;
        continue;
      }
      this.#instruction(instruction);
      isLive = !endsFlow(opcode);
    }
    return {
      statements: this.#out,
      id,
      parameters: params.flatMap((type, at) => this.#slotsOf(at).slice(0, width(type))),
      zeros: this.#zeros,
      returned: this.#out.length === 1 ? this.#returned : undefined,
    };
  }

  #instruction(instruction: LiveInstructions): void {
    const { opcode, index } = instruction;
    switch (opcode) {
      case Op.nop:
        return;
      case Op.unreachable:
        this.#flush(CALLS, 0);
        this.#out.push({ kind: "leave", text: `${this.#names.part("trap")}()` });
        return;
      case Op.block:
      case Op.loop:
      case Op.if:
        this.#beginConstruct(instruction);
        return;
      case Op.br:
        this.#branch(index);
        return;
      case Op.brIf:
        this.#branchIf(index);
        return;
      case Op.brTable:
        this.#branchTable(instruction.labels);
        return;
      case Op.return:
        this.#return();
        return;
      case Op.call:
      case Op.callIndirect:
        this.#call(instruction);
        return;
      case Op.drop:
        this.#drop();
        return;
      case Op.select:
      case Op.selectTyped:
        this.#select();
        return;
      case Op.localGet:
        this.#localGet(index);
        return;
      case Op.localSet:
        this.#localSet(index);
        return;
      case Op.localTee:
        this.#localTee(index);
        return;
      case Op.globalGet:
        this.#globalGet(index);
        return;
      case Op.globalSet:
        this.#globalSet(index);
        return;
      case Op.memorySize:
        this.#pushOne(i32, this.#names.memorySize());
        return;
      case Op.memoryGrow: {
        const grow = this.#names.memoryGrow();
        this.#unary(i32, (value) => call(grow, [signed(value)], { reads: CALLS, writes: CALLS }));
        return;
      }
      case Op.memoryFill:
      case Op.memoryCopy:
        this.#bulk(opcode);
        return;
      case Op.i32Const:
        this.#pushOne(i32, integer(index));
        return;
      case Op.i64Const:
        this.#pushConstant(i64, readConstant(this.#module.bytes, instruction));
        return;
      case Op.f32Const:
      case Op.f64Const:
        this.#floatConstant(instruction);
        return;
    }
    if (opcode >= Op.i32Load && opcode <= 0x3e) {
      this.#memoryAccess(instruction);
    } else if (instruction.kind.signature !== undefined) {
      this.#numeric(opcode, instruction.kind.signature);
    } else {
      throw new EdgelessError(
        "EDGELESS_WASM_ABI",
        `the function uses ${instruction.kind.name}, which cannot be translated for boards`,
      );
    }
  }

  // Operands

  #use = (helper: Helper): string => this.#names.part(helper);

  #slotsOf(local: number): number[] {
    const slot = this.#slots[local] ?? 0;
    return width(this.#locals[local] ?? i32) === 2 ? [slot, slot + 1] : [slot];
  }

  #push(type: ValueTypeCode, parts: readonly Value[]): void {
    this.#stack.push({ type, parts });
    if (parts.some(({ depth, text }) => depth > MAX_DEPTH || text.length > MAX_LENGTH)) {
      this.#spillFrom(this.#stack.length - 1);
    }
  }

  #pushOne(type: ValueTypeCode, value: Value): void {
    this.#push(type, [value]);
  }

  #pushConstant(type: ValueTypeCode, constant: Constant): void {
    if (type === i32) {
      this.#pushOne(type, integer(constant[0]));
    } else if (type === i64) {
      this.#push(type, [integer(constant[0]), integer(constant[1] ?? 0)]);
    } else {
      this.#pushOne(type, float(constant[0], this.#use));
    }
  }

  #floatConstant(instruction: LiveInstructions): void {
    const { opcode } = instruction;
    const type = opcode === Op.f32Const ? f32 : f64;
    const [value] = readConstant(this.#module.bytes, instruction);
    if (Number.isNaN(value)) {
      const bits = readBits(this.#module.bytes, instruction).map((half) => integer(half ?? 0));
      const helper = type === f32 ? "bitsToSingle" : "bitsToDouble";
      this.#pushOne(type, call(this.#use(helper), bits, {}, ANY));
    } else {
      this.#pushOne(type, float(value, this.#use));
    }
  }

  #pop(): Operand {
    const operand = this.#stack.pop();
    if (operand === undefined) {
      throw new EdgelessError("EDGELESS_INTERNAL", "the operand stack of a valid function is empty");
    }
    return operand;
  }

  #popOne(): Value {
    return first(this.#pop());
  }

  /** The operands on top, the lowest first, which stay. */
  #top(count: number): Operand[] {
    return this.#stack.slice(this.#stack.length - count);
  }

  #slotValue(slot: number, type: ValueTypeCode): Value {
    const bounds = isFloat(type) ? ANY : undefined;
    const isNonNegative = type === i32 && this.#nonNegative.has(slot);
    return {
      ...primary(slotName(slot), { reads: new Set([slot]) }, isNonNegative ? [0, 2 ** 31 - 1] : bounds),
      slot,
      holds: slot,
    };
  }

  /** A slot for an intermediate value that nothing on the stack and no open construct needs. */
  #temporary(taken: ReadonlySet<number> = new Set()): number {
    const inUse = new Set(taken);
    const note = (operands: readonly Operand[] | undefined) => {
      for (const { parts } of operands ?? []) {
        for (const { reads } of parts) {
          for (const read of reads) inUse.add(read);
        }
      }
    };
    note(this.#stack);
    for (const { labelSlots, resultSlots, params, then } of this.#open) {
      for (const slot of [...labelSlots, ...resultSlots].flat()) inUse.add(slot);
      note(params);
      note(then?.results);
    }
    let slot = this.#firstTemporary;
    while (inUse.has(slot)) {
      slot += 1;
    }
    this.#temporaries = Math.max(this.#temporaries, slot + 1);
    return slot;
  }

  #temporariesFor(types: readonly ValueTypeCode[]): number[][] {
    const taken = new Set<number>();
    return types.map((type) =>
      Array.from({ length: width(type) }, () => {
        const slot = this.#temporary(taken);
        taken.add(slot);
        return slot;
      }),
    );
  }

  /** Puts an operand of the stack into locals of its own. */
  #spillAt(at: number): void {
    const operand = this.#stack[at];
    if (operand === undefined || operand.parts.every(({ constant }) => constant !== undefined)) {
      return;
    }
    const [slots = []] = this.#temporariesFor([operand.type]);
    for (const [part, slot] of slots.entries()) {
      this.#nonNegative.delete(slot);
      const value = operand.parts[part];
      if (value !== undefined) {
        this.#assign(slot, operand.type, value);
      }
    }
    this.#stack[at] = { type: operand.type, parts: slots.map((slot) => this.#slotValue(slot, operand.type)) };
  }

  /** Spills an operand, and before it those below that would notice. */
  #spillFrom(at: number): void {
    const parts = this.#stack[at]?.parts ?? [];
    this.#flushBelow(at, merge(...parts.map(({ writes }) => writes)));
    this.#spillAt(at);
  }

  #assign(slot: number, type: ValueTypeCode, value: Value): void {
    const exact = isFloat(type) ? value : signed(value);
    if (exact.slot !== slot) {
      this.#out.push({ kind: "do", text: `${slotName(slot)}=${within(exact, Precedence.assignment)}` });
    }
  }

  /**
   * Before a statement that writes these things and takes the top `operands`: spills all other operands that would
   * notice, and all that do something, in their order.
   */
  #flush(writes: Effects, operands: number): void {
    const taken = this.#top(operands).flatMap(({ parts }) => parts.map((part) => part.writes));
    this.#flushBelow(this.#stack.length - operands, merge(writes, ...taken));
  }

  #flushBelow(height: number, writes: Effects): void {
    let changed = writes;
    const spilled: number[] = [];
    for (let at = height - 1; at >= 0; at -= 1) {
      for (const part of this.#stack[at]?.parts ?? []) {
        if ((part.writes.size > 0 || conflicts(part.reads, changed)) && spilled[0] !== at) {
          spilled.unshift(at);
        }
        if (spilled[0] === at) {
          changed = merge(changed, part.writes);
        }
      }
    }
    for (const at of spilled) {
      this.#spillAt(at);
    }
  }

  /** Makes the top operands such that leaving them out or repeating them makes no difference. */
  #settle(count: number): void {
    const from = this.#stack.length - count;
    let last = from - 1;
    for (let at = from; at < this.#stack.length; at += 1) {
      if (this.#stack[at]?.parts.some((part) => !isHarmless(part))) {
        last = at;
      }
    }
    for (let at = from; at <= last; at += 1) {
      this.#spillFrom(at);
    }
  }

  /** Makes the top operand a local or a constant. */
  #simplify(): void {
    const [operand] = this.#top(1);
    if (operand?.parts.some(({ slot, constant }) => slot === undefined && constant === undefined)) {
      this.#spillFrom(this.#stack.length - 1);
    }
  }

  #unary(type: ValueTypeCode, operation: (value: Value) => Value): void {
    this.#pushOne(type, operation(this.#popOne()));
  }

  #drop(): void {
    const [operand] = this.#top(1);
    const parts = operand?.parts ?? [];
    if (parts.every(isHarmless)) {
      this.#pop();
      return;
    }
    this.#flush(CALLS, 1);
    for (const { text } of this.#pop().parts) {
      this.#out.push({ kind: "do", text });
    }
  }

  #select(): void {
    const [left, right, condition] = this.#top(3);
    const writes = merge(...(condition?.parts ?? []).map((part) => part.writes));
    const arms = [...(left?.parts ?? []), ...(right?.parts ?? [])];
    if (arms.some((part) => !isHarmless(part) || conflicts(part.reads, writes))) {
      this.#spillFrom(this.#stack.length - 3);
      this.#spillFrom(this.#stack.length - 2);
    }
    if (left?.type === i64) {
      this.#simplify();
    }
    const test = truth(this.#popOne());
    const otherwise = this.#pop();
    const then = this.#pop();
    const parts = then.parts.map((part, at) => {
      const other = otherwise.parts[at] ?? part;
      return isFloat(then.type)
        ? conditional(test, part, other)
        : conditional(test, exactUnlessZero(part), exactUnlessZero(other));
    });
    this.#push(then.type, parts);
  }

  // Locals and globals

  #localGet(local: number): void {
    const type = this.#locals[local] ?? i32;
    this.#touch(local, false);
    this.#push(
      type,
      this.#slotsOf(local).map((slot) => this.#slotValue(slot, type)),
    );
  }

  /** Notes the first use of a local; it begins as zero unless it is set before anything else, wherever the code goes. */
  #touch(local: number, isSet: boolean): void {
    if (this.#touched.has(local)) {
      return;
    }
    this.#touched.add(local);
    if (!isSet || this.#open.length > 1) {
      const type = this.#locals[local] ?? i32;
      for (const slot of this.#slotsOf(local)) {
        this.#zeros.set(slot, isFloat(type) ? "0.0" : "0");
      }
    }
  }

  #localSet(local: number): void {
    const type = this.#locals[local] ?? i32;
    const slots = this.#slotsOf(local);
    this.#touch(local, true);
    this.#flush(new Set(slots), 1);
    const { parts } = this.#pop();
    this.#assignAll(slots, type, parts);
    const [only] = parts;
    this.#noteSign(slots[0] ?? 0, type, only);
  }

  /** Assigns the parts of one operand; halves that read what the other half overwrites go through a temporary. */
  #assignAll(slots: readonly number[], type: ValueTypeCode, parts: readonly Value[]): void {
    const [low, high] = slots;
    const [lowPart, highPart] = parts;
    if (low === undefined || lowPart === undefined) {
      return;
    }
    if (high === undefined || highPart === undefined) {
      this.#assign(low, type, lowPart);
    } else if (!highPart.reads.has(low)) {
      this.#assign(low, type, lowPart);
      this.#assign(high, type, highPart);
    } else if (!lowPart.reads.has(high)) {
      this.#assign(high, type, highPart);
      this.#assign(low, type, lowPart);
    } else {
      const temporary = this.#temporary(new Set([...lowPart.reads, ...highPart.reads]));
      this.#assign(temporary, type, lowPart);
      this.#assign(high, type, highPart);
      this.#assign(low, type, this.#slotValue(temporary, type));
    }
  }

  #noteSign(slot: number, type: ValueTypeCode, value: Value | undefined): void {
    if (type === i32 && value !== undefined && value.low >= 0 && value.high < 2 ** 31) {
      this.#nonNegative.add(slot);
    } else {
      this.#nonNegative.delete(slot);
    }
  }

  #localTee(local: number): void {
    const type = this.#locals[local] ?? i32;
    if (type === i64) {
      this.#localSet(local);
      this.#localGet(local);
      return;
    }
    this.#touch(local, true);
    const slot = this.#slots[local] ?? 0;
    const given = this.#popOne();
    const value = isFloat(type) ? given : signed(given);
    this.#noteSign(slot, type, value);
    const { low, high, loose, reads } = value;
    this.#pushOne(type, {
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

  #globalGet(index: number): void {
    const type = this.#module.globals[index];
    const constant = this.#names.constantGlobal(index);
    if (type !== undefined && constant !== undefined) {
      this.#pushConstant(type.type, constant);
      return;
    }
    const effect = globalEffect(index);
    const effects = { reads: new Set([effect]) };
    const known: readonly [number, number] | undefined = this.#nonNegative.has(effect)
      ? [0, 2 ** 31 - 1]
      : undefined;
    const bounds = isFloat(type?.type ?? i32) ? ANY : known;
    this.#push(
      type?.type ?? i32,
      this.#names.global(index).map((name) => ({ ...primary(name, effects, bounds), holds: effect })),
    );
  }

  #globalSet(index: number): void {
    const type = this.#module.globals[index]?.type ?? i32;
    this.#flush(new Set([globalEffect(index)]), 1);
    const names = this.#names.global(index);
    if (type === i64) {
      // The halves may read each other's old value.
      this.#simplifyReading(globalEffect(index));
    }
    const { parts } = this.#pop();
    this.#noteSign(globalEffect(index), type, parts[0]);
    for (const [at, value] of parts.entries()) {
      const exact = isFloat(type) ? value : signed(value);
      this.#out.push({ kind: "do", text: `${names[at]}=${within(exact, Precedence.assignment)}` });
    }
  }

  #simplifyReading(effect: number): void {
    const [operand] = this.#top(1);
    if (operand?.parts.some(({ reads }) => reads.has(effect))) {
      this.#spillFrom(this.#stack.length - 1);
    }
  }

  // Memory

  #memoryAccess(instruction: LiveInstructions): void {
    const reader = new ByteReader(this.#module.bytes, instruction.immediates);
    reader.u32();
    const offset = reader.u32();
    const { opcode } = instruction;
    if (opcode < Op.i32Store) {
      this.#load(opcode, offset);
    } else {
      this.#store(opcode, offset);
    }
  }

  /** The address as a number that is inside the memory exactly when the access is. */
  #address(value: Value, offset: number): Value {
    const isDirect =
      !value.loose && value.low > this.#names.mostMemoryBytes - 2 ** 32 && value.high < 2 ** 32;
    const base = offset === 0 ? (isDirect ? value : signed(value)) : unsigned(value);
    if (value.holds !== undefined) {
      this.#nonNegative.add(value.holds);
    }
    if (offset === 0) {
      return base;
    }
    if (base.constant !== undefined) {
      return integer(base.constant + offset);
    }
    return binary(base, "+", integer(offset), [offset, 2 ** 33]);
  }

  #load(opcode: number, offset: number): void {
    const type = loadedType(opcode);
    if (type === i64) {
      this.#loadWide(opcode, offset);
      return;
    }
    const address = this.#address(this.#popOne(), offset);
    this.#pushOne(type, this.#loaded(opcode, address));
  }

  #loaded(opcode: number, address: Value): Value {
    const reads = { reads: LOADS };
    switch (opcode) {
      case 0x2a:
        return call(this.#use("loadSingle"), [address], reads, ANY);
      case 0x2b:
        return call(this.#use("loadDouble"), [address], reads, ANY);
      case 0x2c:
      case 0x30:
        return extended(this.#loadByte(address), 24);
      case 0x2d:
      case 0x31:
        return this.#loadByte(address);
      case 0x2e:
      case 0x32:
        return extended(call(this.#use("load16"), [address], reads, [0, 0xffff]), 16);
      case 0x2f:
      case 0x33:
        return call(this.#use("load16"), [address], reads, [0, 0xffff]);
      default:
        return call(this.#use("load32"), [address], reads);
    }
  }

  /** In loops without a call of a helper, which costs more text but less time. */
  #loadByte(address: Value): Value {
    if (this.#loops === 0) {
      return call(this.#use("load8"), [address], { reads: LOADS }, [0, 255]);
    }
    const { reads, writes, depth } = combine(address);
    return {
      ...primary(
        `${this.#names.part("memory")}[${address.text}]??${this.#names.part("trap")}(1)`,
        { reads: merge(reads, LOADS), writes, depth },
        [0, 255],
      ),
      precedence: Precedence.conditional,
    };
  }

  #loadWide(opcode: number, offset: number): void {
    if (opcode === 0x29) {
      this.#flush(NO_EFFECTS, 1);
      const address = this.#address(this.#popOne(), offset);
      this.#pushWideCall(call(this.#use("load64"), [address]).text);
      return;
    }
    const isUnsigned = opcode === 0x31 || opcode === 0x33 || opcode === 0x35;
    const address = this.#address(this.#popOne(), offset);
    this.#pushOne(i32, this.#loaded(opcode, address));
    this.#extend(isUnsigned);
  }

  /** The i32 on top as an i64. */
  #extend(isUnsigned: boolean): void {
    this.#simplify();
    const value = this.#popOne();
    const low = signed(value);
    const sign = value.low >= 0 && value.high < 2 ** 31;
    const high = isUnsigned || sign ? integer(0) : binary(low, ">>", integer(31), [-1, 0]);
    this.#push(i64, [low, value.constant === undefined || isUnsigned ? high : integer(value.constant >> 31)]);
  }

  #store(opcode: number, offset: number): void {
    this.#flush(STORES, 2);
    const value = this.#pop();
    const address = this.#address(this.#popOne(), offset);
    const helper = storeHelper(opcode);
    const parts = helper === "store64" ? value.parts : value.parts.slice(0, 1);
    const stored = isFloat(value.type) ? parts : parts.map(storable);
    if (
      helper === "store8" &&
      this.#loops > 0 &&
      address.slot !== undefined &&
      stored[0]?.writes.size === 0
    ) {
      this.#storeByte(address, stored[0]);
      return;
    }
    const { text } = call(this.#use(helper), [address, ...stored]);
    this.#out.push({ kind: "do", text });
  }

  #storeByte(address: Value, value: Value): void {
    const isKnown = address.low >= 0;
    const test = `${isKnown ? address.text : `${address.text}>>>0`}<${this.#names.part("limit")}`;
    const index = `${test}?${address.text}:${this.#names.part("trap")}(1)`;
    const text = `${this.#names.part("memory")}[${index}]=${within(value, Precedence.assignment)}`;
    this.#out.push({ kind: "do", text });
  }

  #bulk(opcode: number): void {
    this.#flush(STORES, 3);
    const length = unsigned(this.#popOne());
    const source = this.#popOne();
    const target = unsigned(this.#popOne());
    const isFill = opcode === Op.memoryFill;
    const args = [target, isFill ? signed(source) : unsigned(source), length];
    this.#out.push({ kind: "do", text: call(this.#use(isFill ? "fill" : "copy"), args).text });
  }

  // Numbers

  #numeric(opcode: number, signature: string): void {
    if (signature.includes("I")) {
      this.#wide(opcode, signature);
      return;
    }
    const type = TYPES.get(signature.charAt(signature.length - 1)) ?? i32;
    if (signature.indexOf(":") === 2) {
      const right = this.#popOne();
      const left = this.#popOne();
      this.#pushOne(type, this.#binary(opcode, left, right));
    } else {
      this.#unary(type, (value) => this.#convert(opcode, value));
    }
  }

  #binary(opcode: number, left: Value, right: Value): Value {
    if (opcode >= 0x92) {
      const isSingle = opcode < 0xa0;
      return binaryFloat(opcode - (isSingle ? 0x92 : 0xa0), left, right, isSingle, this.#use);
    }
    if (opcode >= 0x5b && opcode <= 0x66) {
      return compareFloats((opcode - 0x5b) % 6, left, right);
    }
    return binaryInteger(opcode, left, right, this.#use);
  }

  /** An instruction with one operand without i64. */
  #convert(opcode: number, value: Value): Value {
    const use = this.#use;
    switch (opcode) {
      case 0xa8:
      case 0xaa:
        return toInteger("toInteger", value, use);
      case 0xa9:
      case 0xab:
        return toInteger("toUnsigned", value, use);
      case 0xfc00:
      case 0xfc02:
        return toInteger("saturate", value, use);
      case 0xfc01:
      case 0xfc03:
        return toInteger("saturateUnsigned", value, use);
      case 0xb2:
        return rounded(fromInteger(signed(value)), use);
      case 0xb3:
        return rounded(fromInteger(unsigned(value)), use);
      case 0xb6:
        return rounded(value, use);
      case 0xb7:
        return fromInteger(signed(value));
      case 0xb8:
        return fromInteger(unsigned(value));
      case 0xbb:
        return value;
      case Op.i32ReinterpretF32:
        return call(use("singleToBits"), [value]);
      case Op.f32ReinterpretI32:
        return call(use("bitsToSingle"), [signed(value)], {}, ANY);
    }
    if (opcode >= 0x8b && opcode <= 0x9f) {
      const isSingle = opcode < 0x99;
      return unaryFloat(opcode - (isSingle ? 0x8b : 0x99), value, isSingle, use);
    }
    return unaryInteger(opcode, value, use);
  }

  /** Pushes an i64 from a call that gives its lower half and leaves the upper one; the call is carried out now. */
  #pushWideCall(text: string): void {
    const [slots = []] = this.#temporariesFor([i64]);
    const [low = 0, high = 0] = slots;
    this.#out.push({ kind: "do", text: `${slotName(low)}=${text}` });
    this.#out.push({ kind: "do", text: `${slotName(high)}=${this.#names.part("high")}` });
    this.#push(
      i64,
      slots.map((slot) => this.#slotValue(slot, i64)),
    );
  }

  #wide(opcode: number, signature: string): void {
    const operation: WideOperation | undefined = WIDE_OPERATIONS.get(opcode);
    const count = signature.indexOf(":");
    if (operation === undefined) {
      this.#wideInline(opcode, count);
      return;
    }
    const given = (): Value[] => {
      const operands = this.#top(count).flatMap(({ type, parts }) =>
        isFloat(type) ? parts : parts.map(signed),
      );
      this.#stack.length -= count;
      return operation.order?.(operands) ?? operands;
    };
    const name = this.#use(operation.helper);
    switch (operation.result) {
      case "wide":
        this.#flush(operation.traps ? CALLS : NO_EFFECTS, count);
        this.#pushWideCall(call(name, given()).text);
        return;
      case "count":
        this.#pushOne(i32, call(name, given(), {}, [0, 64]));
        this.#extend(true);
        return;
      case "float":
        this.#pushOne(signature.endsWith("f") ? f32 : f64, call(name, given(), {}, ANY));
        return;
      default: {
        const test = call(name, given(), {}, [0, 1]);
        this.#pushOne(i32, operation.isNegated ? not(test) : test);
      }
    }
  }

  #wideInline(opcode: number, count: number): void {
    switch (opcode) {
      case 0xb9:
      case 0xba: {
        const [low = integer(0), high = integer(0)] = this.#pop().parts;
        const upper = binary(
          opcode === 0xba ? unsigned(high) : signed(high),
          "*",
          primary("4294967296"),
          ANY,
        );
        this.#pushOne(f64, binary(upper, "+", unsigned(low), ANY));
        return;
      }
      case 0xa7: {
        const [low = integer(0)] = this.#pop().parts;
        this.#pushOne(i32, low);
        return;
      }
      case 0xac:
      case 0xad:
        this.#extend(opcode === 0xad);
        return;
      case 0xc2:
      case 0xc3: {
        const [low = integer(0)] = this.#pop().parts;
        this.#pushOne(i32, extended(low, opcode === 0xc2 ? 24 : 16));
        this.#extend(false);
        return;
      }
      case 0xc4: {
        const [low = integer(0)] = this.#pop().parts;
        this.#pushOne(i32, low);
        this.#extend(false);
        return;
      }
      case 0x50: {
        const [low = integer(0), high = integer(0)] = this.#pop().parts;
        this.#pushOne(i32, not(high.constant === 0 ? signed(low) : binary(low, "|", high)));
        return;
      }
    }
    const [right, left] = [this.#pop(), count === 2 ? this.#pop() : undefined];
    const [low = integer(0), high = integer(0)] = (left ?? right).parts.map(signed);
    const [otherLow = integer(0), otherHigh = integer(0)] = right.parts.map(signed);
    switch (opcode) {
      case 0x51:
      case 0x52: {
        const isZero = otherLow.constant === 0 && otherHigh.constant === 0;
        const test = isZero
          ? not(binary(low, "|", high))
          : both(comparison(low, "==", otherLow), comparison(high, "==", otherHigh));
        this.#pushOne(i32, opcode === 0x51 ? test : not(test));
        return;
      }
      case 0x83:
      case 0x84:
      case 0x85: {
        const code = Op.i32Add + 7 + (opcode - 0x83);
        this.#push(i64, [
          folded(binaryInteger(code, low, otherLow, this.#use), opcode, low, otherLow),
          folded(binaryInteger(code, high, otherHigh, this.#use), opcode, high, otherHigh),
        ]);
        return;
      }
    }
    throw new EdgelessError("EDGELESS_INTERNAL", `no translation of instruction 0x${opcode.toString(16)}`);
  }

  // Calls

  #call(instruction: LiveInstructions): void {
    const { opcode, index } = instruction;
    const { params, results } = calledType(this.#module, opcode, index);
    const isIndirect = opcode === Op.callIndirect;
    const count = params.length + (isIndirect ? 1 : 0);
    if (isIndirect) {
      this.#settleTableIndex(params.length);
    }
    const [result] = results;
    const isExpression = results.length === 1 && result !== undefined && result !== i64;
    if (!isExpression) {
      this.#flush(CALLS, count);
    }
    const table = isIndirect
      ? `(${this.#names.table(index)}[${signed(this.#popOne()).text}]||${this.#names.part("trap")})`
      : undefined;
    const args = this.#stack
      .splice(this.#stack.length - params.length, params.length)
      .flatMap(({ type, parts }) => (isFloat(type) ? parts : parts.map(signed)));
    const effects = { reads: CALLS, writes: CALLS };
    this.#pushResults(
      table === undefined ? this.#names.call(index, args) : call(table, args, effects),
      results,
    );
  }

  #pushResults(value: Value, results: readonly ValueTypeCode[]): void {
    const [result] = results;
    if (result === undefined) {
      this.#out.push({ kind: "do", text: value.text });
      return;
    }
    if (results.length === 1 && result !== i64) {
      this.#pushOne(result, { ...value, ...(isFloat(result) ? { low: -Infinity, high: Infinity } : {}) });
      return;
    }
    const slots = this.#temporariesFor(results);
    const flat = slots.flat();
    for (const [at, slot] of flat.entries()) {
      this.#nonNegative.delete(slot);
      this.#out.push({
        kind: "do",
        text: `${slotName(slot)}=${at === 0 ? value.text : this.#names.result(at)}`,
      });
    }
    for (const [at, type] of results.entries()) {
      this.#push(
        type,
        (slots[at] ?? []).map((slot) => this.#slotValue(slot, type)),
      );
    }
  }

  /** A table index is looked up before the arguments are computed: it must not notice them, nor they it. */
  #settleTableIndex(params: number): void {
    const [index] = this.#top(1);
    const [value] = index?.parts ?? [];
    const args = this.#top(params + 1)
      .slice(0, params)
      .flatMap(({ parts }) => parts.map(({ writes }) => writes));
    if (value === undefined || (isHarmless(value) && !conflicts(value.reads, merge(...args)))) {
      return;
    }
    for (let at = this.#stack.length - params - 1; at < this.#stack.length; at += 1) {
      this.#spillFrom(at);
    }
  }

  // Constructs

  #beginConstruct(instruction: LiveInstructions): void {
    const { opcode, blockType, start } = instruction;
    const type = blockFunctionType(this.#module, blockType);
    const assigned = new Set([...(this.#assigned.get(start) ?? [])].flatMap((local) => this.#slotsOf(local)));
    const hasCondition = opcode === Op.if;
    if (type.params.length > 0) {
      // Parameters of a loop or an arm are values that can be taken again.
      const condition = hasCondition ? 1 : 0;
      for (let at = type.params.length + condition; at > 0; at -= 1) {
        this.#spillFrom(this.#stack.length - at);
      }
    }
    this.#flush(new Set([...CALLS, ...assigned]), hasCondition ? 1 : 0);
    const condition = hasCondition ? truth(this.#popOne()) : undefined;
    const params = this.#stack.splice(this.#stack.length - type.params.length, type.params.length);
    this.#begin(opcode, type, assigned, condition, params);
  }

  #begin(
    opcode: number,
    type: FunctionType,
    assigned: ReadonlySet<number>,
    condition: Value | undefined,
    params: readonly Operand[],
  ): void {
    this.#lastId += 1;
    const isFunction = this.#open.length === 0;
    // The parameters are in use while slots are chosen.
    this.#stack.push(...params);
    const slots = this.#temporariesFor([...(opcode === Op.loop ? type.params : []), ...type.results]);
    const labels = opcode === Op.loop ? type.params.length : 0;
    const resultSlots = isFunction ? [] : slots.slice(labels);
    const labelSlots = opcode === Op.loop ? slots.slice(0, labels) : resultSlots;
    this.#stack.length -= params.length;
    for (const slot of slots.flat()) {
      this.#nonNegative.delete(slot);
    }
    if (opcode === Op.loop) {
      for (const slot of assigned) {
        this.#nonNegative.delete(slot);
      }
      this.#forgetGlobals();
      this.#loops += 1;
    }
    const outside = this.#out;
    let inside = params;
    if (opcode === Op.loop && params.length > 0) {
      for (const [at, { type: paramType, parts }] of params.entries()) {
        for (const [part, slot] of (labelSlots[at] ?? []).entries()) {
          const value = parts[part];
          if (value !== undefined) {
            this.#assign(slot, paramType, value);
          }
        }
      }
      inside = params.map(({ type: paramType }, at) => ({
        type: paramType,
        parts: (labelSlots[at] ?? []).map((slot) => this.#slotValue(slot, paramType)),
      }));
    }
    this.#open.push({
      opcode,
      id: this.#lastId,
      type,
      base: this.#stack.length,
      outside,
      labelSlots,
      resultSlots,
      condition,
      params,
      assigned,
      nonNegative: new Set(this.#nonNegative),
      isBranchedTo: false,
    });
    this.#stack.push(...inside);
    this.#out = [];
  }

  /** The `else` or `end` of the innermost construct. */
  #finishArm(opcode: number, isLive: boolean): void {
    const construct = this.#open[this.#open.length - 1];
    if (construct === undefined) {
      return;
    }
    const { type, base, params } = construct;
    if (this.#open.length === 1) {
      if (isLive) {
        this.#return();
      }
      this.#open.pop();
      return;
    }
    if (construct.opcode === Op.loop && isLive) {
      this.#handOver(construct.resultSlots, type.results.length);
    }
    const isKept = isLive && construct.opcode !== Op.loop;
    if (isKept) {
      this.#flush(CALLS, type.results.length);
    }
    const results = isKept ? this.#stack.splice(this.#stack.length - type.results.length) : undefined;
    this.#stack.length = Math.min(this.#stack.length, base);
    this.#restoreSigns(construct);
    if (opcode === Op.else) {
      construct.then = { list: this.#out, results };
      this.#out = [];
      this.#stack.push(...params);
      return;
    }
    this.#open.pop();
    const list = this.#out;
    this.#out = construct.outside;
    switch (construct.opcode) {
      case Op.loop:
        this.#loops -= 1;
        this.#out.push({ kind: "loop", id: construct.id, body: list });
        this.#pushSlots(construct);
        return;
      case Op.block:
        this.#endBlock(construct, list, results);
        return;
      default:
        this.#endIf(construct, list, results);
    }
  }

  /** The signs of globals are known only until something else may set them. */
  #forgetGlobals(): void {
    for (const key of this.#nonNegative) {
      if (key < 0) {
        this.#nonNegative.delete(key);
      }
    }
  }

  /** What is known of signs where several ways meet: what was known before and is not touched. */
  #restoreSigns({ nonNegative, assigned }: Construct): void {
    this.#nonNegative.clear();
    for (const slot of nonNegative) {
      if (slot >= 0 && !assigned.has(slot) && slot < this.#firstTemporary) {
        this.#nonNegative.add(slot);
      }
    }
  }

  #pushSlots({ type, resultSlots }: Construct): void {
    for (const [at, result] of type.results.entries()) {
      this.#push(
        result,
        (resultSlots[at] ?? []).map((slot) => this.#slotValue(slot, result)),
      );
    }
  }

  #endBlock(construct: Construct, list: Statement[], results: readonly Operand[] | undefined): void {
    if (!construct.isBranchedTo && results !== undefined) {
      for (const statement of list) {
        this.#out.push(statement);
      }
      this.#stack.push(...results);
      return;
    }
    this.#assignResults(construct, list, results);
    this.#out.push({ kind: "block", id: construct.id, body: list });
    this.#pushSlots(construct);
  }

  #endIf(construct: Construct, list: Statement[], results: readonly Operand[] | undefined): void {
    const { condition = integer(0), type, id, params } = construct;
    const arm = construct.then ?? { list, results };
    const other =
      construct.then === undefined ? { list: [] as Statement[], results: params } : { list, results };
    const [then] = arm.results ?? [];
    const [otherwise] = other.results ?? [];
    const isPlain = !construct.isBranchedTo && arm.list.length === 0 && other.list.length === 0;
    if (isPlain && type.results.length === 1 && then?.parts.length === 1 && otherwise !== undefined) {
      const [left = integer(0)] = then.parts;
      const [right = integer(0)] = otherwise.parts;
      const exact = isFloat(then.type) ? (value: Value) => value : exactUnlessZero;
      this.#pushOne(then.type, conditional(condition, exact(left), exact(right)));
      return;
    }
    this.#assignResults(construct, arm.list, arm.results);
    this.#assignResults(construct, other.list, other.results);
    const statement: Statement = { kind: "if", condition, then: arm.list, otherwise: other.list };
    this.#out.push(construct.isBranchedTo ? { kind: "block", id, body: [statement] } : statement);
    this.#pushSlots(construct);
  }

  /** Assigns the results that an arm leaves to the slots of its construct, at the end of the arm. */
  #assignResults(
    { resultSlots }: Construct,
    list: Statement[],
    results: readonly Operand[] | undefined,
  ): void {
    const outside = this.#out;
    this.#out = list;
    const height = this.#stack.length;
    this.#stack.push(...(results ?? []));
    if (results !== undefined) {
      this.#handOver(resultSlots, results.length);
    }
    this.#stack.length = height;
    this.#out = outside;
  }

  /** Assigns the top operands, which it takes, to slots. */
  #handOver(slots: readonly (readonly number[])[], count: number): void {
    if (count === 0) {
      this.#flush(CALLS, 0);
      return;
    }
    const all = new Set(slots.flat());
    const operands = this.#top(count);
    if (
      count > 1 &&
      operands.some(({ parts }) =>
        parts.some(({ reads, writes }) => conflicts(reads, all) || writes.size > 0),
      )
    ) {
      for (let at = this.#stack.length - count; at < this.#stack.length; at += 1) {
        this.#spillFrom(at);
      }
    }
    this.#flush(CALLS, count);
    const values = this.#stack.splice(this.#stack.length - count, count);
    for (const [at, { type, parts }] of values.entries()) {
      this.#assignAll(slots[at] ?? [], type, parts);
    }
  }

  // Branches

  #target(label: number): Construct {
    const construct = this.#open[this.#open.length - 1 - label];
    if (construct === undefined) {
      throw new EdgelessError(
        "EDGELESS_INTERNAL",
        "a valid function branches to a construct that is not there",
      );
    }
    return construct;
  }

  #isFunction(label: number): boolean {
    return label === this.#open.length - 1;
  }

  #branch(label: number): void {
    if (this.#isFunction(label)) {
      this.#return();
      return;
    }
    const construct = this.#target(label);
    construct.isBranchedTo = true;
    this.#handOver(construct.labelSlots, construct.labelSlots.length);
    this.#flush(CALLS, 0);
    this.#out.push({ kind: "branch", target: construct.id });
  }

  /** The statements that branch to a label with the operands below `above` others; nothing is taken. */
  #branchStatements(label: number, above: number): Statement[] {
    const construct = this.#target(label);
    const isFunction = this.#isFunction(label);
    const count = isFunction ? this.#type.results.length : construct.labelSlots.length;
    const height = this.#stack.length;
    const kept = [...this.#stack];
    this.#stack.length = height - above;
    const values = this.#top(count);
    const outside = this.#out;
    const list: Statement[] = [];
    this.#out = list;
    if (isFunction) {
      this.#return();
    } else {
      construct.isBranchedTo = true;
      this.#stack.length = height - above - count;
      this.#stack.push(...values);
      this.#handOver(construct.labelSlots, count);
      list.push({ kind: "branch", target: construct.id });
    }
    this.#out = outside;
    this.#stack.length = 0;
    this.#stack.push(...kept);
    return list;
  }

  #branchIf(label: number): void {
    const count = this.#isFunction(label) ? this.#type.results.length : this.#target(label).labelSlots.length;
    this.#settleBelow(count);
    this.#flush(CALLS, 1);
    const condition = truth(this.#popOne());
    const then = this.#branchStatements(label, 0);
    this.#out.push({ kind: "if", condition, then, otherwise: [] });
  }

  /** Makes the operands below the top one harmless, and such that they do not notice it. */
  #settleBelow(count: number): void {
    const [top] = this.#top(1);
    const writes = merge(...(top?.parts ?? []).map((part) => part.writes));
    const below = this.#top(count + 1).slice(0, count);
    if (below.some(({ parts }) => parts.some((part) => !isHarmless(part) || conflicts(part.reads, writes)))) {
      for (let at = this.#stack.length - 1 - count; at < this.#stack.length - 1; at += 1) {
        this.#spillFrom(at);
      }
    }
  }

  #branchTable(labels: readonly number[]): void {
    const fallback = labels[labels.length - 1] ?? 0;
    const count = this.#isFunction(fallback)
      ? this.#type.results.length
      : this.#target(fallback).labelSlots.length;
    this.#settleBelow(count);
    this.#simplify();
    this.#flush(CALLS, 1);
    const index = signed(this.#popOne());
    // The index is in use until the branch is done.
    this.#stack.push({ type: i32, parts: [index] });
    const cases = labels.slice(0, -1);
    for (let at = 0; at < cases.length; ) {
      let end = at + 1;
      while (end < cases.length && cases[end] === cases[at]) {
        end += 1;
      }
      if (cases[at] !== fallback) {
        const condition = inRange(index, at, end - 1);
        const then = this.#branchStatements(cases[at] ?? 0, 1);
        this.#out.push({ kind: "if", condition, then, otherwise: [] });
      }
      at = end;
    }
    for (const statement of this.#branchStatements(fallback, 1)) {
      this.#out.push(statement);
    }
    this.#pop();
  }

  #return(): void {
    const { results } = this.#type;
    const count = results.length;
    if (count > 1 || results[0] === i64) {
      this.#settle(count);
    }
    this.#flush(CALLS, count);
    const operands = this.#stack.splice(this.#stack.length - count, count);
    const parts = operands.flatMap(({ type, parts: halves }) =>
      isFloat(type) ? halves : halves.map(signed),
    );
    for (const [at, value] of parts.entries()) {
      if (at > 0) {
        const name = this.#names.result(at);
        this.#out.push({ kind: "do", text: `${name}=${within(value, Precedence.assignment)}` });
      }
    }
    const [value] = parts;
    const [root] = this.#open;
    if (value === undefined) {
      this.#out.push({ kind: "branch", target: root?.id ?? 0 });
    } else {
      const text = within(value, Precedence.assignment);
      this.#returned = count === 1 ? value : undefined;
      this.#out.push({ kind: "leave", text: `return${text.startsWith("(") ? "" : " "}${text}` });
    }
  }
}

const TYPES: ReadonlyMap<string, ValueTypeCode> = new Map([
  ["i", i32],
  ["I", i64],
  ["f", f32],
  ["F", f64],
]);

/** How many numbers of JavaScript a value takes. */
function width(type: ValueTypeCode): number {
  return type === i64 ? 2 : 1;
}

function isFloat(type: ValueTypeCode): boolean {
  return type === f32 || type === f64;
}

function endsFlow(opcode: number): boolean {
  return opcode === Op.br || opcode === Op.brTable || opcode === Op.return || opcode === Op.unreachable;
}

function first({ parts }: Operand): Value {
  const [value] = parts;
  if (value === undefined) {
    throw new EdgelessError("EDGELESS_INTERNAL", "an operand has no value");
  }
  return value;
}

/** A value in an arm of a choice: exact, but 0 and 1 may be a boolean. */
function exactUnlessZero(value: Value): Value {
  return value.loose
    ? signed(value)
    : value.low >= -(2 ** 31) && value.high < 2 ** 31
      ? value
      : signed(value);
}

/** A value that a memory of integers stores as it is, or its exact form. */
function storable(value: Value): Value {
  return !value.loose && value.low >= -(2 ** 31) && value.high < 2 ** 32 ? value : signed(value);
}

function extended(value: Value, by: number): Value {
  const most = 2 ** (31 - by);
  return binary(binary(value, "<<", integer(by)), ">>", integer(by), [-most, most - 1]);
}

function both(left: Value, right: Value): Value {
  const join = (operator: string, a: { text: string; precedence: number }, b: typeof a, level: number) =>
    `${within(a, level)}${operator}${within(b, level)}`;
  const inverse =
    left.inverse !== undefined && right.inverse !== undefined
      ? { text: join("||", left.inverse, right.inverse, Precedence.or), precedence: Precedence.or }
      : undefined;
  return {
    ...combine(left, right),
    text: join("&&", left, right, Precedence.and),
    precedence: Precedence.and,
    low: 0,
    high: 1,
    loose: true,
    ...(inverse === undefined ? {} : { inverse }),
  };
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

function inRange(index: Value, from: number, to: number): Value {
  if (from === to) {
    return comparison(index, "==", integer(from));
  }
  return from === 0
    ? comparison(unsigned(index), "<=", integer(to))
    : both(comparison(index, ">=", integer(from)), comparison(index, "<=", integer(to)));
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
