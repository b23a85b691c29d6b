import { constants, type PathLike } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

interface Line {
  readonly bytes: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A file to which lines are appended. Lines that wait are written together, in order; whole lines reach the file with
 * one write each (O_APPEND), so that several writers of one file do not mix within a line.
 */
export class LineFile {
  readonly #file: FileHandle;
  #waiting: Line[] = [];
  #writing: Promise<void> | undefined;
  /** The last write ended within a line. */
  #torn = false;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Opens a file for appending and creates it when it is missing; rejects with the operating system's error. */
  static async open(path: PathLike): Promise<LineFile> {
    const { O_APPEND, O_CREAT, O_WRONLY, O_NONBLOCK } = constants;
    // Without O_NONBLOCK, a named pipe that nobody reads would hold a thread of the process for ever.
    return new LineFile(await open(path, O_APPEND | O_CREAT | O_WRONLY | O_NONBLOCK, 0o666));
  }

  /** Appends a text and LF; resolves when the operating system has taken it all, rejects with its error. */
  append(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes: Buffer.from(`${text}\n`), resolve, reject });
      this.#writing ??= this.#drain();
    });
  }

  /** Writes what waits, then closes the file. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  async #drain(): Promise<void> {
    // A turn later, so that lines of the same moment share a write.
    await null;
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      this.#waiting = [];
      await this.#write(lines);
    }
    this.#writing = undefined;
  }

  async #write(lines: readonly Line[]): Promise<void> {
    const parts = lines.map((line) => line.bytes);
    const repair = this.#torn ? 1 : 0;
    if (this.#torn) parts.unshift(Buffer.from("\n"));
    const bytes = Buffer.concat(parts);
    let written = 0;
    let failure: unknown;
    try {
      while (written < bytes.length) written += (await this.#file.write(bytes, written)).bytesWritten;
    } catch (error) {
      failure = error;
    }
    let end = repair;
    for (const line of lines) {
      end += line.bytes.length;
      if (end <= written) line.resolve();
      else line.reject(failure);
    }
    if (written > 0) this.#torn = bytes[written - 1] !== 0x0a;
  }
}
