import { ByteWriter } from "./byte-writer.js";
import { Op } from "./opcode.js";

/** One section to write: its number and its contents. */
export interface SectionContents {
  readonly id: number;
  readonly bytes: Uint8Array;
}

const HEADER = new Uint8Array([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);

/** Writes a module from its sections, which must be in the order of the format. */
export function writeModule(sections: readonly SectionContents[]): Uint8Array {
  const out = new ByteWriter();
  out.raw(HEADER);
  for (const { id, bytes } of sections) {
    out.byte(id).sized(bytes);
  }
  return out.bytes().slice();
}

/** Writes a vector: its length and every item. */
export function writeVector<T>(out: ByteWriter, items: readonly T[], write: (item: T) => void): void {
  out.u32(items.length);
  for (const item of items) {
    write(item);
  }
}

/** Writes the constant expression of an i32. */
export function writeConstantI32(out: ByteWriter, value: number): void {
  out.byte(Op.i32Const).s32(value).byte(Op.end);
}
