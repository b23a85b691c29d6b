import { TextBuilder } from "./text-builder";

/** The `len` bytes at `ptr` as a list of decimal numbers, `[120, 121]`: how EDGELESS functions print bytes. */
export function byteListText(ptr: usize, len: usize): string {
  const text = new TextBuilder();
  text.appendUnit(0x5b);
  for (let i: usize = 0; i < len; i++) {
    if (i) text.append(", ");
    text.appendU32(load<u8>(ptr + i));
  }
  text.appendUnit(0x5d);
  return text.toString();
}
