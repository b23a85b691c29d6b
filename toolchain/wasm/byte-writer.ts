import { EdgelessError } from "../../core/errors.js";

const UTF8 = new TextEncoder();

/** Writes a module or a part of one into a growing buffer, up to a limit in bytes (EDGELESS_WASM_TOO_LARGE past it). */
export class ByteWriter {
  /** Most bytes that may be written. */
  readonly limit: number;
  #bytes = new Uint8Array(256);
  #length = 0;

  constructor(limit = 64 * 1024 * 1024) {
    this.limit = limit;
  }

  get length(): number {
    return this.#length;
  }

  /** What was written so far, not copied. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  byte(value: number): this {
    this.#room(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
    return this;
  }

  /** Single bytes, for example opcodes. */
  code(...values: readonly number[]): this {
    for (const value of values) {
      this.byte(value);
    }
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** The bytes `start` to `end` of a source. */
  range(source: Uint8Array, start: number, end: number): this {
    if (end - start > 12) {
      return this.raw(source.subarray(start, end));
    }
    this.#room(end - start);
    for (let at = start; at < end; at += 1) {
      this.#bytes[this.#length] = source[at] ?? 0;
      this.#length += 1;
    }
    return this;
  }

  /** Unsigned LEB128 of up to 32 bits. */
  u32(value: number): this {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    return this.byte(rest);
  }

  /** Signed LEB128 of 32 bits. */
  s32(value: number): this {
    let rest = value | 0;
    while (rest < -0x40 || rest > 0x3f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    return this.byte(rest & 0x7f);
  }

  /** Signed LEB128 of 64 bits. */
  s64(value: bigint): this {
    let rest = BigInt.asIntN(64, value);
    while (rest < -0x40n || rest > 0x3fn) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    return this.byte(Number(rest & 0x7fn));
  }

  name(text: string): this {
    return this.sized(UTF8.encode(text));
  }

  /** Length and bytes. */
  sized(bytes: Uint8Array): this {
    return this.u32(bytes.length).raw(bytes);
  }

  #room(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) {
      return;
    }
    if (needed > this.limit) {
      throw new EdgelessError(
        "EDGELESS_WASM_TOO_LARGE",
        `the prepared module or a part of it would be larger than ${this.limit} bytes`,
      );
    }
    const grown = new Uint8Array(Math.min(this.limit, needed * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
