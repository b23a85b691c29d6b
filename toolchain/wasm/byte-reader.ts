import { EdgelessError } from "../../core/errors.js";

/** The fault of a module, with the place in the file. */
export function badWasm(offset: number, reason: string): EdgelessError {
  return new EdgelessError("EDGELESS_BAD_WASM", `the module is malformed at byte ${offset}: ${reason}`);
}

/** The fault of a module that is larger than a function may be. */
export function tooLarge(what: string, bytes: number, limit: number): EdgelessError {
  return new EdgelessError("EDGELESS_WASM_TOO_LARGE", `${what} has ${bytes} bytes, ${limit} are allowed`);
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a part of a module; every read is bounds-checked and throws EDGELESS_BAD_WASM with the byte offset in the file.
 * Integers are LEB128 as in the core specification 5.2.2: any length up to the limit of their width, no stray bits.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  /** Offset of the next byte in the file. */
  offset: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = start;
    this.end = end;
  }

  get done(): boolean {
    return this.offset >= this.end;
  }

  /** One byte. */
  byte(): number {
    const value = this.offset < this.end ? this.bytes[this.offset] : undefined;
    if (value === undefined) {
      throw badWasm(this.offset, "it ends in the middle of something");
    }
    this.offset += 1;
    return value;
  }

  /** Unsigned 32-bit LEB128. */
  u32(): number {
    const first = this.byte();
    if (first < 0x80) {
      return first;
    }
    let value = first & 0x7f;
    for (let shift = 7; shift <= 28; shift += 7) {
      const next = this.byte();
      if (shift === 28 && next > 0x0f) {
        throw badWasm(this.offset - 1, "an integer is longer than 32 bits");
      }
      value += (next & 0x7f) * 2 ** shift;
      if (next < 0x80) {
        break;
      }
    }
    return value;
  }

  /** Signed LEB128 of up to 33 bits, the width of a block type. */
  s33(): number {
    return this.#signed(33);
  }

  /** Signed 32-bit LEB128. */
  s32(): number {
    return this.#signed(32);
  }

  /** Passes over a signed 64-bit LEB128. */
  skipS64(): void {
    for (let count = 1; count <= 10; count += 1) {
      const next = this.byte();
      if (count === 10 && next !== 0x00 && next !== 0x7f) {
        throw badWasm(this.offset - 1, "an integer is longer than 64 bits");
      }
      if (next < 0x80) {
        return;
      }
    }
  }

  /** Passes over `count` bytes. */
  skip(count: number): void {
    if (count > this.end - this.offset) {
      throw badWasm(this.offset, `${count} bytes are announced, ${this.end - this.offset} are left`);
    }
    this.offset += count;
  }

  /** The next `count` bytes, not copied. */
  take(count: number): Uint8Array {
    const start = this.offset;
    this.skip(count);
    return this.bytes.subarray(start, this.offset);
  }

  /** A reader of the next `count` bytes, which are passed over. */
  part(count: number): ByteReader {
    const start = this.offset;
    this.skip(count);
    return new ByteReader(this.bytes, start, this.offset);
  }

  /** A vector's length, where each element takes at least `elementBytes` bytes. */
  count(what: string, elementBytes = 1): number {
    const at = this.offset;
    const count = this.u32();
    if (count * elementBytes > this.end - this.offset) {
      throw badWasm(at, `${count} ${what} are announced, which the section cannot hold`);
    }
    return count;
  }

  /** A name: length and UTF-8. */
  name(): string {
    const at = this.offset;
    const bytes = this.take(this.u32());
    try {
      return UTF8.decode(bytes);
    } catch {
      throw badWasm(at, "a name is not valid UTF-8");
    }
  }

  #signed(bits: number): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const next = this.byte();
      value += (next & 0x7f) * 2 ** shift;
      if (shift === 28) {
        return this.#lastOfSigned(value, next, bits);
      }
      if (next < 0x80) {
        return next & 0x40 ? value - 2 ** (shift + 7) : value;
      }
    }
  }

  #lastOfSigned(value: number, last: number, bits: number): number {
    const padding = 0x7f & -(1 << (bits - 29));
    const stray = last & padding;
    if (last >= 0x80 || (stray !== 0 && stray !== padding)) {
      throw badWasm(this.offset - 1, `an integer is longer than ${bits} bits`);
    }
    return stray === 0 ? value : value - 2 ** 35;
  }
}
