import { ValueType, type ValueTypeCode } from "../wasm/value-type.js";
import type { Construct } from "./construct.js";
import { isFloat, width } from "./operand.js";

const { i32 } = ValueType;

/** Where the locals of a function are: an i64 takes two slots, everything else one. */
export class LocalSlots {
  readonly #types: readonly ValueTypeCode[];
  /** First slot of every local. */
  readonly #slots: readonly number[];
  /** Where each local was set so that it has a value until that arm ends; undefined: it has one everywhere. */
  readonly #set = new Map<number, Arm | undefined>();
  /** Slots that begin as zero, with the text of the zero. */
  readonly zeros = new Map<number, string>();
  /** The first slot that no local has. */
  readonly firstTemporary: number;

  constructor(types: readonly ValueTypeCode[]) {
    this.#types = types;
    let next = 0;
    this.#slots = types.map((type) => {
      const slot = next;
      next += width(type);
      return slot;
    });
    this.firstTemporary = next;
  }

  typeOf(local: number): ValueTypeCode {
    return this.#types[local] ?? i32;
  }

  of(local: number): number[] {
    const slot = this.#slots[local] ?? 0;
    return width(this.typeOf(local)) === 2 ? [slot, slot + 1] : [slot];
  }

  /** Notes a parameter, which begins as what it was given. */
  given(local: number): void {
    this.#set.set(local, undefined);
  }

  /** Notes that a local is read; where it may not have been set before, it begins as zero. */
  read(local: number, open: readonly Construct[]): void {
    const arm = this.#set.get(local);
    if ((arm === undefined && this.#set.has(local)) || isOpen(arm, open)) {
      return;
    }
    this.given(local);
    for (const slot of this.of(local)) {
      this.zeros.set(slot, isFloat(this.typeOf(local)) ? "0.0" : "0");
    }
  }

  /** Notes that a local is set in the innermost of the open constructs. */
  write(local: number, open: readonly Construct[]): void {
    const arm = this.#set.get(local);
    const innermost = open[open.length - 1];
    if (innermost !== undefined && !(arm === undefined && this.#set.has(local)) && !isOpen(arm, open)) {
      const { id, firstArm } = innermost;
      this.#set.set(local, { id, isSecond: firstArm !== undefined, height: open.length - 1 });
    }
  }
}

/** A construct, or an arm of one, and how many are around it. */
interface Arm {
  readonly id: number;
  readonly isSecond: boolean;
  readonly height: number;
}

function isOpen(arm: Arm | undefined, open: readonly Construct[]): boolean {
  const construct = arm === undefined ? undefined : open[arm.height];
  return construct?.id === arm?.id && (construct?.firstArm !== undefined) === arm?.isSecond;
}
