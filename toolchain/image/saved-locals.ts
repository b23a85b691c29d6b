import { EdgelessError } from "../../core/errors.js";
import type { ByteWriter } from "../wasm/byte-writer.js";
import { Op } from "../wasm/opcode.js";
import { ValueType, type ValueTypeCode } from "../wasm/value-type.js";
import type { PreparedLayout } from "./prepared-layout.js";

/** Locals that suspension may add to one function; the engine allows 50,000 in all. */
const MAX_ADDED = 20_000;

/**
 * The locals of a suspendable function: its own, and one for each height and type at which the operand stack has to be
 * put aside around a site. All of them are saved with the function.
 */
export class SavedLocals {
  readonly #own: number;
  readonly #unsaved: number;
  readonly #types: ValueTypeCode[];
  readonly #slots = new Map<number, number>();

  /** `own`: the function's parameters and locals; `unsaved` further locals follow them, which are not kept here. */
  constructor(own: readonly ValueTypeCode[], unsaved: number) {
    this.#own = own.length;
    this.#unsaved = unsaved;
    this.#types = [...own];
  }

  /** The local for an operand of this type at this height of the stack. Throws EDGELESS_WASM_TOO_LARGE. */
  slot(height: number, type: ValueTypeCode): number {
    const key = height * 0x100 + type;
    const known = this.#slots.get(key);
    if (known !== undefined) {
      return known;
    }
    if (this.#slots.size >= MAX_ADDED) {
      throw new EdgelessError(
        "EDGELESS_WASM_TOO_LARGE",
        `a function that waits for answers puts more than ${MAX_ADDED} operands aside`,
      );
    }
    const local = this.add(type);
    this.#slots.set(key, local);
    return local;
  }

  /** A further local that is saved. */
  add(type: ValueTypeCode): number {
    this.#types.push(type);
    return this.#index(this.#types.length - 1);
  }

  /** The added locals, in the form that a function body declares them. */
  added(): { count: number; type: ValueTypeCode }[] {
    return this.#types.slice(this.#own).map((type) => ({ count: 1, type }));
  }

  #index(saved: number): number {
    return saved < this.#own ? saved : saved + this.#unsaved;
  }

  /** Writes the code that hands all locals to the host, floats as the integers with the same bits. */
  writeSave(out: ByteWriter, layout: PreparedLayout): void {
    for (const [saved, type] of this.#types.entries()) {
      out.code(Op.localGet).u32(this.#index(saved));
      if (type === ValueType.f32) {
        out.code(Op.i32ReinterpretF32);
      } else if (type === ValueType.f64) {
        out.code(Op.i64ReinterpretF64);
      }
      out.code(Op.call).u32(layout.hook(isWide(type) ? "save_i64" : "save_i32"));
    }
  }

  /** Writes the code that takes all locals back. */
  writeLoad(out: ByteWriter, layout: PreparedLayout): void {
    for (const [saved, type] of [...this.#types.entries()].reverse()) {
      out.code(Op.call).u32(layout.hook(isWide(type) ? "load_i64" : "load_i32"));
      if (type === ValueType.f32) {
        out.code(Op.f32ReinterpretI32);
      } else if (type === ValueType.f64) {
        out.code(Op.f64ReinterpretI64);
      }
      out.code(Op.localSet).u32(this.#index(saved));
    }
  }
}

function isWide(type: ValueTypeCode): boolean {
  return type === ValueType.i64 || type === ValueType.f64;
}
