const END = 0xc0;
const ESCAPE = 0xdb;
const ESCAPED_END = 0xdc;
const ESCAPED_ESCAPE = 0xdd;

/** A frame as it travels (RFC 1055, with the marker at both ends). */
export function slipFrame(payload: Uint8Array): Uint8Array {
  const out = [END];
  for (const byte of payload) {
    if (byte === END) out.push(ESCAPE, ESCAPED_END);
    else if (byte === ESCAPE) out.push(ESCAPE, ESCAPED_ESCAPE);
    else out.push(byte);
  }
  return Uint8Array.from([...out, END]);
}

/** Cuts a stream of bytes into frames; bytes between frames are dropped. */
export class SlipReader {
  #frame: number[] | undefined;
  #escaped = false;

  push(bytes: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (const byte of bytes) {
      if (byte === END) {
        if (this.#frame !== undefined && this.#frame.length > 0) {
          frames.push(Uint8Array.from(this.#frame));
          this.#frame = undefined;
        } else this.#frame = [];
      } else if (this.#frame === undefined) continue;
      else if (this.#escaped) {
        this.#frame.push(byte === ESCAPED_END ? END : byte === ESCAPED_ESCAPE ? ESCAPE : byte);
        this.#escaped = false;
      } else if (byte === ESCAPE) this.#escaped = true;
      else this.#frame.push(byte);
    }
    return frames;
  }
}
