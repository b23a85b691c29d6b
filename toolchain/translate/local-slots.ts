import { ValueType, type ValueTypeCode } from "../wasm/value-type.js";
import { isFloat, width } from "./operand.js";

const { i32 } = ValueType;

/** Where the locals of a function are: an i64 takes two slots, everything else one. */
export class LocalSlots {
  readonly #types: readonly ValueTypeCode[];
  /** First slot of every local. */
  readonly #slots: readonly number[];
  readonly #touched = new Set<number>();
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
    this.#touched.add(local);
  }

  /** Notes the use of a local; at its first one it begins as zero, unless that one sets it whatever happens. */
  touch(local: number, isSetAlways: boolean): void {
    if (this.#touched.has(local)) {
      return;
    }
    this.#touched.add(local);
    if (!isSetAlways) {
      for (const slot of this.of(local)) {
        this.zeros.set(slot, isFloat(this.typeOf(local)) ? "0.0" : "0");
      }
    }
  }
}
