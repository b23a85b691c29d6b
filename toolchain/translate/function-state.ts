import { EdgelessError } from "../../core/errors.js";
import { type FunctionType, ValueType, type ValueTypeCode } from "../wasm/value-type.js";
import type { WasmModule } from "../wasm/wasm-module.js";
import type { Construct } from "./construct.js";
import type { Helper } from "./helpers.js";
import { LocalSlots } from "./local-slots.js";
import type { ModuleNames } from "./module-names.js";
import { slotName } from "./names.js";
import { first, isFloat, type Operand, width } from "./operand.js";
import { isNonNegative } from "./sign-facts.js";
import type { Statement } from "./statement.js";
import {
  ANY_NUMBER,
  conflicts,
  type Effects,
  isHarmless,
  merge,
  Precedence,
  primary,
  signed,
  type Value,
  within,
} from "./value.js";

const { i32 } = ValueType;

/** Operators and calls inside each other, and characters, beyond which an operand gets a local of its own. */
const MAX_DEPTH = 9;
const MAX_LENGTH = 400;

/** What is known while one function is translated: its operand stack, its open constructs, its statements so far. */
export class FunctionState {
  readonly module: WasmModule;
  readonly names: ModuleNames;
  readonly type: FunctionType;
  /** Number of the function in its module. */
  readonly index: number;
  readonly slots: LocalSlots;
  readonly stack: Operand[] = [];
  readonly open: Construct[] = [];
  /** Slots, and by their effect globals, that hold an i32 which is not negative. */
  readonly nonNegative = new Set<number>();
  /** The list of statements that is being written. */
  out: Statement[] = [];
  /** Number of the latest construct. */
  lastId = 0;
  /** How many functions this one is written into. */
  depth = 0;
  /** How many loops are open. */
  loops = 0;
  /** What the latest `return` gives. */
  returned: Value | undefined;

  constructor(
    module: WasmModule,
    index: number,
    type: FunctionType,
    locals: readonly ValueTypeCode[],
    names: ModuleNames,
  ) {
    this.module = module;
    this.index = index;
    this.names = names;
    this.type = type;
    this.slots = new LocalSlots(locals);
  }

  /** The name of a helper, which is in the text from now on. */
  readonly use = (helper: Helper): string => this.names.part(helper);

  push(type: ValueTypeCode, parts: readonly Value[]): void {
    this.stack.push({ type, parts });
    if (parts.some(({ depth, text }) => depth > MAX_DEPTH || text.length > MAX_LENGTH)) {
      this.spillFrom(this.stack.length - 1);
    }
  }

  pushOne(type: ValueTypeCode, value: Value): void {
    this.push(type, [value]);
  }

  pop(): Operand {
    const operand = this.stack.pop();
    if (operand === undefined) {
      throw new EdgelessError("EDGELESS_INTERNAL", "the operand stack of a valid function is empty");
    }
    return operand;
  }

  popOne(): Value {
    return first(this.pop());
  }

  /** The operands on top, the lowest first, which stay. */
  top(count: number): Operand[] {
    return this.stack.slice(this.stack.length - count);
  }

  slotValue(slot: number, type: ValueTypeCode): Value {
    const bounds = isFloat(type) ? ANY_NUMBER : undefined;
    const isKnown = type === i32 && this.nonNegative.has(slot);
    return {
      ...primary(slotName(slot), { reads: new Set([slot]) }, isKnown ? [0, 2 ** 31 - 1] : bounds),
      slot,
      holds: slot,
    };
  }

  /** A slot for an intermediate value that nothing on the stack and no open construct needs. */
  temporary(taken: ReadonlySet<number> = new Set()): number {
    const inUse = new Set(taken);
    const note = (operands: readonly Operand[] | undefined) => {
      for (const { parts } of operands ?? []) {
        for (const { reads } of parts) {
          for (const read of reads) inUse.add(read);
        }
      }
    };
    note(this.stack);
    for (const { labelSlots, resultSlots, params, firstArm } of this.open) {
      for (const slot of [...labelSlots, ...resultSlots].flat()) inUse.add(slot);
      note(params);
      note(firstArm?.results);
    }
    let slot = this.slots.firstTemporary;
    while (inUse.has(slot)) {
      slot += 1;
    }
    return slot;
  }

  temporariesFor(types: readonly ValueTypeCode[]): number[][] {
    const taken = new Set<number>();
    return types.map((type) =>
      Array.from({ length: width(type) }, () => {
        const slot = this.temporary(taken);
        taken.add(slot);
        return slot;
      }),
    );
  }

  /** Puts an operand of the stack into locals of its own. */
  spillAt(at: number): void {
    const operand = this.stack[at];
    if (operand === undefined || operand.parts.every(({ constant }) => constant !== undefined)) {
      return;
    }
    const [slots = []] = this.temporariesFor([operand.type]);
    for (const [part, slot] of slots.entries()) {
      this.nonNegative.delete(slot);
      const value = operand.parts[part];
      if (value !== undefined) {
        this.assign(slot, operand.type, value);
      }
    }
    this.stack[at] = { type: operand.type, parts: slots.map((slot) => this.slotValue(slot, operand.type)) };
  }

  /** Spills an operand, and before it those below that would notice. */
  spillFrom(at: number): void {
    const parts = this.stack[at]?.parts ?? [];
    this.flushBelow(at, merge(...parts.map(({ writes }) => writes)));
    this.spillAt(at);
  }

  assign(slot: number, type: ValueTypeCode, value: Value): void {
    const exact = isFloat(type) ? value : signed(value);
    if (exact.slot !== slot) {
      this.emit(`${slotName(slot)}=${within(exact, Precedence.assignment)}`);
    }
  }

  /**
   * Before a statement that writes these things and takes the top `operands`: spills all other operands that would
   * notice, and all that do something, in their order.
   */
  flush(writes: Effects, operands: number): void {
    const taken = this.top(operands).flatMap(({ parts }) => parts.map((part) => part.writes));
    this.flushBelow(this.stack.length - operands, merge(writes, ...taken));
  }

  flushBelow(height: number, writes: Effects): void {
    let changed = writes;
    const spilled: number[] = [];
    for (let at = height - 1; at >= 0; at -= 1) {
      for (const part of this.stack[at]?.parts ?? []) {
        if ((part.writes.size > 0 || conflicts(part.reads, changed)) && spilled[0] !== at) {
          spilled.unshift(at);
        }
        if (spilled[0] === at) {
          changed = merge(changed, part.writes);
        }
      }
    }
    for (const at of spilled) {
      this.spillAt(at);
    }
  }

  /** Makes the top operands such that leaving them out or repeating them makes no difference. */
  settle(count: number): void {
    const from = this.stack.length - count;
    let last = from - 1;
    for (let at = from; at < this.stack.length; at += 1) {
      if (this.stack[at]?.parts.some((part) => !isHarmless(part))) {
        last = at;
      }
    }
    for (let at = from; at <= last; at += 1) {
      this.spillFrom(at);
    }
  }

  /** Makes the top operand a local or a constant. */
  simplify(): void {
    const [operand] = this.top(1);
    if (operand?.parts.some(({ slot, constant }) => slot === undefined && constant === undefined)) {
      this.spillFrom(this.stack.length - 1);
    }
  }

  /** Assigns the parts of one operand; halves that read what the other half overwrites go through a temporary. */
  assignAll(slots: readonly number[], type: ValueTypeCode, parts: readonly Value[]): void {
    const [low, high] = slots;
    const [lowPart, highPart] = parts;
    if (low === undefined || lowPart === undefined) {
      return;
    }
    if (high === undefined || highPart === undefined) {
      this.assign(low, type, lowPart);
    } else if (!highPart.reads.has(low)) {
      this.assign(low, type, lowPart);
      this.assign(high, type, highPart);
    } else if (!lowPart.reads.has(high)) {
      this.assign(high, type, highPart);
      this.assign(low, type, lowPart);
    } else {
      const temporary = this.temporary(new Set([...lowPart.reads, ...highPart.reads]));
      this.assign(temporary, type, lowPart);
      this.assign(high, type, highPart);
      this.assign(low, type, this.slotValue(temporary, type));
    }
  }

  noteSign(slot: number, type: ValueTypeCode, value: Value | undefined): void {
    if (type === i32 && value !== undefined && isNonNegative(value)) {
      this.nonNegative.add(slot);
    } else {
      this.nonNegative.delete(slot);
    }
  }

  /** Replaces the top operand. */
  unary(type: ValueTypeCode, operation: (value: Value) => Value): void {
    this.pushOne(type, operation(this.popOne()));
  }

  /** The top operands with their i32s and halves exact, which are taken. */
  takeExact(count: number): Value[] {
    return this.stack
      .splice(this.stack.length - count, count)
      .flatMap(({ type, parts }) => (isFloat(type) ? parts : parts.map(signed)));
  }

  /** Writes a statement that does something and goes on. */
  emit(text: string): void {
    const last = this.out[this.out.length - 1];
    const push = this.names.pushing;
    if (last?.kind === "do" && last.text.startsWith(push) && text.startsWith(push)) {
      // What is saved one after the other is saved by one call.
      this.out[this.out.length - 1] = {
        kind: "do",
        text: `${last.text.slice(0, -1)},${text.slice(push.length)}`,
      };
      return;
    }
    this.out.push({ kind: "do", text });
  }
}
