/** Puts a long text together piece by piece, in time proportional to its length. */
export class TextBuilder {
  private buffer: ArrayBuffer = new ArrayBuffer(128);
  private used: i32 = 0;

  /** Appends a text. */
  append(text: string): void {
    this.appendPart(text, 0, text.length);
  }

  /** Appends the code units of a text from one index up to another one, without making a text of them. */
  appendPart(text: string, from: i32, to: i32): void {
    const size = (to - from) << 1;
    if (size) memory.copy(this.extend(size), changetype<usize>(text) + (<usize>from << 1), size);
  }

  /** Appends one UTF-16 code unit, the low 16 bits of `unit`. */
  appendUnit(unit: u32): void {
    store<u16>(this.extend(2), unit);
  }

  /** Appends a number as decimal text. */
  appendU32(value: u32): void {
    let size = 2;
    for (let rest = value / 10; rest; rest /= 10) size += 2;
    let to = this.extend(size) + <usize>size;
    do {
      to -= 2;
      store<u16>(to, 0x30 + (value % 10));
      value /= 10;
    } while (value);
  }

  /** The text so far. */
  toString(): string {
    const text = changetype<string>(__new(this.used, idof<string>()));
    memory.copy(changetype<usize>(text), changetype<usize>(this.buffer), this.used);
    return text;
  }

  /** Makes room for so many more bytes and returns where they are. */
  private extend(size: i32): usize {
    const from = this.used;
    const needed = from + size;
    let buffer = this.buffer;
    if (needed > buffer.byteLength) {
      const larger = new ArrayBuffer(max(needed, buffer.byteLength << 1));
      memory.copy(changetype<usize>(larger), changetype<usize>(buffer), from);
      this.buffer = buffer = larger;
    }
    this.used = needed;
    return changetype<usize>(buffer) + <usize>from;
  }
}
