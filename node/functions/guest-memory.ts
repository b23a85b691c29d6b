import { trap } from "./guest.js";

const ENCODER = new TextEncoder();
// A byte order mark is content here, not a signature.
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Checked access to the linear memory of a guest. Pointers and lengths are taken as unsigned; a range outside the
 * memory is a trap. The view is renewed whenever the memory has grown.
 */
export class GuestMemory {
  readonly #memory: { readonly buffer: ArrayBufferLike };
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(memory: { readonly buffer: ArrayBufferLike }) {
    this.#memory = memory;
  }

  /** Bytes of linear memory at the moment. */
  get size(): number {
    return this.#memory.buffer.byteLength;
  }

  /**
   * Reads UTF-8 text that the guest wrote.
   * @throws EdgelessError EDGELESS_FUNCTION_TRAPPED when the range or the encoding is wrong
   */
  text(pointer: number, length: number, what: string): string {
    const start = this.check(pointer, length, what);
    const end = start + (length >>> 0);
    const bytes = this.#bytes;
    if (end - start <= 64) {
      // Short ASCII, the common case, is several times faster this way than through the decoder.
      let text = "";
      let at = start;
      for (; at < end; at++) {
        const byte = bytes[at] as number;
        if (byte >= 0x80) break;
        text += String.fromCharCode(byte);
      }
      if (at === end) return text;
    }
    const text = decodeText(bytes.subarray(start, end));
    if (text === undefined) throw trap(`${what} is not valid UTF-8`);
    return text;
  }

  /** @throws EdgelessError EDGELESS_FUNCTION_TRAPPED when the range is outside the memory */
  copyOut(pointer: number, length: number, what: string): Uint8Array {
    const start = this.check(pointer, length, what);
    return this.#bytes.slice(start, start + (length >>> 0));
  }

  /** @throws EdgelessError EDGELESS_FUNCTION_TRAPPED when the range is outside the memory */
  write(pointer: number, content: Uint8Array, what: string): void {
    const start = this.check(pointer, content.length, what);
    this.#bytes.set(content, start);
  }

  /**
   * Writes `text`, whose UTF-8 form has `length` bytes.
   * @throws EdgelessError EDGELESS_FUNCTION_TRAPPED when the range is outside the memory
   */
  writeText(pointer: number, text: string, length: number, what: string): void {
    const start = this.check(pointer, length, what);
    ENCODER.encodeInto(text, this.#bytes.subarray(start, start + length));
  }

  /** Reads an unsigned 32-bit number, least significant byte first. */
  readUint32(pointer: number, what: string): number {
    const at = this.check(pointer, 4, what);
    const bytes = this.#bytes;
    const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
    return (low | ((bytes[at + 3] as number) << 24)) >>> 0;
  }

  /** Writes exactly four bytes, least significant first. */
  writeUint32(pointer: number, value: number, what: string): void {
    const at = this.check(pointer, 4, what);
    const bytes = this.#bytes;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
  }

  /**
   * Makes sure that a range lies inside the memory.
   * @returns the pointer as an unsigned number
   * @throws EdgelessError EDGELESS_FUNCTION_TRAPPED
   */
  check(pointer: number, length: number, what: string): number {
    const buffer = this.#memory.buffer;
    if (this.#bytes.buffer !== buffer) this.#bytes = new Uint8Array(buffer);
    const start = pointer >>> 0;
    const end = start + (length >>> 0);
    if (end > this.#bytes.length)
      throw trap(`${what} lies outside the memory: bytes ${start} to ${end} of ${this.#bytes.length}`);
    return start;
  }
}

/** Length of `text` in UTF-8. */
export function utf8Length(text: string): number {
  return Buffer.byteLength(text, "utf8");
}

/** Reads UTF-8 strictly; undefined when it is invalid. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return DECODER.decode(bytes);
  } catch {
    return undefined;
  }
}
