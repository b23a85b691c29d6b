import { utf8Length, writeUtf8 } from "../utf8.js";
import { ARRAY, BYTES, MAP, NEGATIVE, TEXT, UNSIGNED } from "./cbor-reader.js";

/** Writes CBOR items one after the other with definite lengths and shortest heads (RFC 8949 section 4.2.1). */
export class CborWriter {
  private buffer: Uint8Array;
  private position: number;

  /** @param room bytes to start with; the buffer grows when more are needed */
  constructor(room: number) {
    this.buffer = new Uint8Array(room);
    this.position = 0;
  }

  /** What was written, as a view that the next write may change. */
  written(): Uint8Array {
    return this.buffer.subarray(0, this.position);
  }

  /** An integer of at most 53 bits. */
  integer(value: number): CborWriter {
    return value < 0 ? this.head(NEGATIVE, -1 - value) : this.head(UNSIGNED, value);
  }

  byteString(value: Uint8Array): CborWriter {
    this.head(BYTES, value.length);
    this.room(value.length);
    this.buffer.set(value, this.position);
    this.position += value.length;
    return this;
  }

  text(value: string): CborWriter {
    const length = utf8Length(value);
    this.head(TEXT, length);
    this.room(length);
    this.position = writeUtf8(value, this.buffer, this.position);
    return this;
  }

  /** Starts an array of `count` items. */
  array(count: number): CborWriter {
    return this.head(ARRAY, count);
  }

  /** Starts a map of `count` pairs. */
  map(count: number): CborWriter {
    return this.head(MAP, count);
  }

  /** Writes null. */
  nothing(): CborWriter {
    return this.byte(0xf6);
  }

  bool(value: boolean): CborWriter {
    return this.byte(value ? 0xf5 : 0xf4);
  }

  private head(major: number, argument: number): CborWriter {
    return argument < 24 ? this.byte((major << 5) | argument) : this.wideHead(major << 5, argument);
  }

  /** A head with its argument behind the first byte, which boards seldom write: apart from the short ones for their sake. */
  private wideHead(start: number, argument: number): CborWriter {
    const width = argument < 0x100 ? 1 : argument < 0x10000 ? 2 : argument < 0x100000000 ? 4 : 8;
    this.room(9);
    this.buffer[this.position++] = start | (width === 1 ? 24 : width === 2 ? 25 : width === 4 ? 26 : 27);
    let rest = argument;
    for (let at = this.position + width - 1; at >= this.position; at--) {
      this.buffer[at] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    this.position += width;
    return this;
  }

  private byte(value: number): CborWriter {
    this.room(1);
    this.buffer[this.position++] = value;
    return this;
  }

  private room(length: number): void {
    const needed = this.position + length;
    if (needed > this.buffer.length) this.grow(needed);
  }

  private grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, this.buffer.length * 2));
    larger.set(this.buffer);
    this.buffer = larger;
  }
}
