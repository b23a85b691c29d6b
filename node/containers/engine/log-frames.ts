import { EdgelessError } from "../../../core/errors.js";

/** Which output of a container. */
export type LogStream = "stdout" | "stderr";

/** A line that a container wrote, without its end. */
export interface LogLine {
  readonly stream: LogStream;
  readonly text: string;
}

const HEADER_BYTES = 8;
/** A longer line is cut into several. */
export const LONGEST_LINE = 4096;
const LINE_FEED = 10;

/**
 * Reads the log stream of a container without a terminal: frames of one byte for the stream (0 to 2), three zero bytes,
 * the length as 32 bits big-endian, and the text (Docker Engine API, "Attach to a container").
 */
export class LogFrames {
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerBytes = 0;
  #rest = 0;
  #stream: LogStream = "stdout";
  readonly #lines: Readonly<Record<LogStream, OpenLine>> = {
    stdout: new OpenLine(),
    stderr: new OpenLine(),
  };

  /**
   * Takes the next bytes and gives the lines that they complete.
   * @throws EdgelessError EDGELESS_BAD_MESSAGE when they are not such a stream
   */
  push(bytes: Uint8Array): LogLine[] {
    const lines: LogLine[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (this.#rest === 0) {
        this.#header[this.#headerBytes++] = bytes[at++] as number;
        if (this.#headerBytes === HEADER_BYTES) this.#beginFrame();
        continue;
      }
      const end = Math.min(bytes.length, at + this.#rest);
      this.#rest -= end - at;
      const stream = this.#stream;
      for (const text of this.#lines[stream].push(bytes.subarray(at, end))) lines.push({ stream, text });
      at = end;
    }
    return lines;
  }

  /** What has no line end yet. */
  finish(): LogLine[] {
    const streams: readonly LogStream[] = ["stdout", "stderr"];
    return streams.flatMap((stream) => this.#lines[stream].finish().map((text) => ({ stream, text })));
  }

  #beginFrame(): void {
    this.#headerBytes = 0;
    const view = new DataView(this.#header.buffer);
    const first = view.getUint32(0);
    const kind = first >>> 24;
    if (kind > 2 || (first & 0xffffff) !== 0)
      throw new EdgelessError("EDGELESS_BAD_MESSAGE", "the log of a container is not in frames");
    this.#stream = kind === 2 ? "stderr" : "stdout";
    this.#rest = view.getUint32(4);
  }
}

/** Collects the bytes of a line. */
class OpenLine {
  #parts: Buffer[] = [];
  #size = 0;

  push(bytes: Uint8Array): string[] {
    const lines: string[] = [];
    let from = 0;
    while (from < bytes.length) {
      const feed = bytes.indexOf(LINE_FEED, from);
      const lineEnd = feed < 0 ? bytes.length : feed;
      const end = Math.min(lineEnd, from + LONGEST_LINE - this.#size);
      this.#parts.push(Buffer.from(bytes.subarray(from, end)));
      this.#size += end - from;
      from = end;
      const ends = end === feed;
      if (ends) from++;
      if (ends || this.#size >= LONGEST_LINE) lines.push(this.#take());
    }
    return lines;
  }

  finish(): string[] {
    return this.#size === 0 ? [] : [this.#take()];
  }

  #take(): string {
    const text = Buffer.concat(this.#parts).toString();
    this.#parts = [];
    this.#size = 0;
    return text.endsWith("\r") ? text.slice(0, -1) : text;
  }
}
