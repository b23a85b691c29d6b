import { readUtf8 } from "../utf8.js";
import { WireFault } from "../wire-fault.js";

/** Major types of CBOR (RFC 8949 section 3.1). */
export const UNSIGNED = 0;
export const NEGATIVE = 1;
export const BYTES = 2;
export const TEXT = 3;
export const ARRAY = 4;
export const MAP = 5;
export const TAG = 6;
export const SIMPLE = 7;

/** Nesting that is followed when an item is skipped. */
const DEEPEST = 16;

/** Reads CBOR items one after the other, without copying. Every method throws a WireFault when the bytes do not fit. */
export class CborReader {
  readonly bytes: Uint8Array;
  /** Where the next item starts. */
  position: number;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.position = 0;
  }

  /** Major type of the next item, without reading it. */
  peek(): number {
    if (this.position >= this.bytes.length) throw new WireFault("truncated", this.position);
    return (this.bytes[this.position] as number) >> 5;
  }

  /** True, and read, when the next item is null (RFC 8949 section 3.3). */
  skipNull(): boolean {
    return this.skipByte(0xf6);
  }

  /** True, and read, when the next item is false. */
  skipFalse(): boolean {
    return this.skipByte(0xf4);
  }

  /** An unsigned integer up to 2^53 - 1. */
  unsigned(): number {
    return this.head(UNSIGNED);
  }

  /** An unsigned integer of at most 32 bits. */
  unsigned32(): number {
    const at = this.position;
    const value = this.head(UNSIGNED);
    if (value > 0xffffffff) throw new WireFault("out of range", at);
    return value;
  }

  /** An integer of at most 53 bits. */
  integer(): number {
    return this.peek() === NEGATIVE ? -1 - this.head(NEGATIVE) : this.head(UNSIGNED);
  }

  /** A byte string, as a view of the input. */
  byteString(): Uint8Array {
    const length = this.head(BYTES);
    const from = this.take(length);
    return this.bytes.subarray(from, from + length);
  }

  /** A byte string of exactly `length` bytes, as a view of the input. */
  bytesOf(length: number): Uint8Array {
    const at = this.position;
    const bytes = this.byteString();
    if (bytes.length !== length) throw new WireFault("out of range", at);
    return bytes;
  }

  /** A text string. */
  text(): string {
    const length = this.head(TEXT);
    const from = this.take(length);
    return readUtf8(this.bytes, from, from + length);
  }

  /** Starts an array of exactly `count` items. */
  arrayOf(count: number): void {
    const at = this.position;
    if (this.array() !== count) throw new WireFault("missing field", at);
  }

  /** Starts an array and returns how many items follow. */
  array(): number {
    return this.countable(this.head(ARRAY), 1);
  }

  /** Starts a map and returns how many pairs follow. */
  map(): number {
    return this.countable(this.head(MAP), 2);
  }

  /** Passes over one item of any kind, indefinite lengths included. */
  skip(): void {
    this.skipItem(DEEPEST);
  }

  /** The input must end here. */
  end(): void {
    if (this.position !== this.bytes.length) throw new WireFault("trailing bytes", this.position);
  }

  /** Reads the head of an item of the given major type and returns its argument. */
  head(major: number): number {
    const at = this.position;
    if (this.peek() !== major) throw new WireFault("unexpected type", at);
    return this.argument(at);
  }

  private argument(at: number): number {
    const low = (this.bytes[at] as number) & 0x1f;
    this.position = at + 1;
    if (low < 24) return low;
    if (low === 31) throw new WireFault("indefinite length", at);
    if (low > 27) throw new WireFault("reserved head", at);
    const width = 1 << (low - 24);
    let from = this.take(width);
    let value = 0;
    for (let i = 0; i < width; i++) value = value * 256 + (this.bytes[from++] as number);
    if (value > 9007199254740991) throw new WireFault("number too large", at);
    return value;
  }

  private take(length: number): number {
    const from = this.position;
    if (length > this.bytes.length - from) throw new WireFault("truncated", from);
    this.position = from + length;
    return from;
  }

  /** A count that the rest of the input cannot hold is refused at once, so that no loop runs on a lie. */
  private countable(count: number, bytesEach: number): number {
    if (count * bytesEach > this.bytes.length - this.position)
      throw new WireFault("truncated", this.position);
    return count;
  }

  private skipByte(byte: number): boolean {
    if (this.position >= this.bytes.length) throw new WireFault("truncated", this.position);
    if (this.bytes[this.position] !== byte) return false;
    this.position++;
    return true;
  }

  private skipItem(depth: number): void {
    const at = this.position;
    if (depth === 0) throw new WireFault("too deep", at);
    const major = this.peek();
    const low = (this.bytes[at] as number) & 0x1f;
    if (low === 31) {
      if (major < BYTES || major === TAG || major === SIMPLE) throw new WireFault("reserved head", at);
      this.position = at + 1;
      while (!this.skipByte(0xff)) {
        if ((major === BYTES || major === TEXT) && (this.peek() !== major || this.isIndefinite())) {
          throw new WireFault("unexpected type", this.position);
        }
        this.skipItem(depth - 1);
        if (major === MAP) this.skipItem(depth - 1);
      }
      return;
    }
    if (low > 27) throw new WireFault("reserved head", at);
    if (major === UNSIGNED || major === NEGATIVE || major === SIMPLE) {
      const width = low < 24 ? 0 : 1 << (low - 24);
      this.position = at + 1;
      const from = this.take(width);
      if (major === SIMPLE && low === 24 && (this.bytes[from] as number) < 32)
        throw new WireFault("reserved head", at);
      return;
    }
    const count = major === TAG ? this.skipTagHead(at) : this.argument(at);
    if (major === BYTES || major === TEXT) this.take(count);
    else for (let i = major === MAP ? count * 2 : count; i > 0; i--) this.skipItem(depth - 1);
  }

  private skipTagHead(at: number): number {
    const low = (this.bytes[at] as number) & 0x1f;
    this.position = at + 1;
    this.take(low < 24 ? 0 : 1 << (low - 24));
    return 1;
  }

  private isIndefinite(): boolean {
    return ((this.bytes[this.position] as number) & 0x1f) === 31;
  }
}
