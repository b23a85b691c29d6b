import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { makeFolder } from "./make-folder.js";

/**
 * Numbered records of one size in a file, each written in its place at once. What was written survives `kill -9`, but maybe not a
 * power cut: nothing waits for the disk, which makes it cheap enough for each event.
 */
export class SlotFile {
  readonly #file: number;
  readonly #bytes: number;

  /**
   * @param bytes of a record
   * @throws Error of the file system when the file can not be opened
   */
  constructor(path: string, bytes: number) {
    makeFolder(dirname(path));
    // Neither mode alone both makes the file and writes in its middle.
    closeSync(openSync(path, "a"));
    this.#file = openSync(path, "r+");
    this.#bytes = bytes;
  }

  /** The record of a number; undefined when none was written. */
  read(slot: number): Uint8Array | undefined {
    const record = new Uint8Array(this.#bytes);
    const length = readSync(this.#file, record, 0, this.#bytes, slot * this.#bytes);
    return length === this.#bytes ? record : undefined;
  }

  /** @throws Error of the file system, when the disk is full for one */
  write(slot: number, record: Uint8Array): void {
    writeSync(this.#file, record, 0, this.#bytes, slot * this.#bytes);
  }

  close(): void {
    closeSync(this.#file);
  }
}
