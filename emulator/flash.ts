import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FlashStorage } from "../embedded/hardware.js";
import { makeFolder } from "../platform/make-folder.js";

/** Bytes that each block needs beside its content, as on a board. */
const BLOCK_HEAD = 32;
/** What flash memory has where nothing was written. */
const ERASED = 0xff;

/** The flash storage of an emulated board: in memory, and in a folder as well when it is to outlive the process. */
export class EmulatedFlash implements FlashStorage {
  readonly #capacityBytes: number;
  readonly #folder: string | undefined;
  readonly #blocks = new Map<string, Uint8Array>();

  /** @param folder is created when it is not there; names of files are the names of blocks */
  constructor(capacityBytes: number, folder?: string) {
    this.#capacityBytes = capacityBytes;
    this.#folder = folder;
    if (folder === undefined) return;
    makeFolder(folder);
    for (const name of readdirSync(folder)) this.#blocks.set(name, readFileSync(join(folder, name)));
  }

  read(name: string): Uint8Array | undefined {
    return this.#blocks.get(name);
  }

  readText(name: string): string | undefined {
    const bytes = this.#blocks.get(name);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString("latin1");
  }

  write(name: string, bytes: Uint8Array): boolean {
    const replaced = this.#blocks.get(name);
    const free = this.freeBytes() + (replaced === undefined ? -BLOCK_HEAD : replaced.length);
    if (bytes.length > free) return false;
    this.#blocks.set(name, bytes.slice());
    if (this.#folder !== undefined) writeFileSync(join(this.#folder, name), bytes);
    return true;
  }

  /** As flash memory does it: what is written stays. */
  writePart(name: string, at: number, total: number, bytes: Uint8Array): boolean {
    if (at === 0 && !this.write(name, new Uint8Array(total).fill(ERASED))) return false;
    const block = this.#blocks.get(name);
    if (block === undefined || block.length !== total || at + bytes.length > total) return false;
    const there = block.subarray(at, at + bytes.length);
    const isErased = there.every((byte) => byte === ERASED);
    if (!isErased && Buffer.compare(there, bytes) !== 0) return false;
    block.set(bytes, at);
    if (this.#folder !== undefined) writeFileSync(join(this.#folder, name), block);
    return true;
  }

  sha256(name: string): Uint8Array | undefined {
    const bytes = this.#blocks.get(name);
    return bytes === undefined ? undefined : createHash("sha256").update(bytes).digest();
  }

  erase(name: string): void {
    this.#blocks.delete(name);
    if (this.#folder !== undefined) rmSync(join(this.#folder, name), { force: true });
  }

  names(): string[] {
    return [...this.#blocks.keys()];
  }

  freeBytes(): number {
    let used = 0;
    for (const bytes of this.#blocks.values()) used += bytes.length + BLOCK_HEAD;
    return Math.max(0, this.#capacityBytes - used);
  }
}
