/** Puts a long text together piece by piece, in time proportional to its length. */
export class TextBuilder {
  private buffer: ArrayBuffer = new ArrayBuffer(64);
  private used: i32 = 0;

  /** Appends a text. */
  append(text: string): void {
    const size = text.length << 1;
    this.reserve(size);
    memory.copy(changetype<usize>(this.buffer) + <usize>this.used, changetype<usize>(text), size);
    this.used += size;
  }

  /** Appends one UTF-16 code unit, the low 16 bits of `unit`. */
  appendUnit(unit: u32): void {
    this.reserve(2);
    store<u16>(changetype<usize>(this.buffer) + <usize>this.used, unit);
    this.used += 2;
  }

  /** The text so far. */
  toString(): string {
    const text = changetype<string>(__new(this.used, idof<string>()));
    memory.copy(changetype<usize>(text), changetype<usize>(this.buffer), this.used);
    return text;
  }

  private reserve(size: i32): void {
    const needed = this.used + size;
    if (needed <= this.buffer.byteLength) return;
    const larger = new ArrayBuffer(max(needed, this.buffer.byteLength << 1));
    memory.copy(changetype<usize>(larger), changetype<usize>(this.buffer), this.used);
    this.buffer = larger;
  }
}
