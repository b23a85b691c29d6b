import { TextBuilder } from "./text-builder";

/** The `len` bytes at `ptr` as a list of decimal numbers, `[120, 121]`: how EDGELESS functions print bytes. */
export function byteListText(ptr: usize, len: usize): string {
  const text = new TextBuilder();
  text.append("[");
  for (let i: usize = 0; i < len; i++) {
    if (i) text.append(", ");
    text.append(load<u8>(ptr + i).toString());
  }
  text.append("]");
  return text.toString();
}
