import { RUNTIME_JS, RUNTIME_WASM } from "../coap-api/operations/register.js";
import type { FlashStorage } from "./hardware.js";
import { bytesToHex, hexToBytes } from "./hex.js";
import type { Switchboard } from "./switchboard.js";

/** Start of the names of images in the flash storage. */
const PREFIX = "i";
/** Hexadecimal digits of a digest. */
const DIGITS = 16;

/** What {@link ImageStore.put} did. */
export const STORED = 0;
export const ALREADY_THERE = 1;
export const NO_ROOM = 2;
/** What came is not what its name says. */
export const DAMAGED = 3;

/** What flash memory has where nothing was written. */
const ERASED = 0xff;

/** Function images in flash by digest. The least recently used one that nothing runs makes room for a new one. */
export class ImageStore {
  readonly storage: FlashStorage;
  private readonly board: Switchboard;
  /** Digests in hexadecimal digits, the least recently used first. */
  private held: string[];
  /** The image that arrives in parts, and its bytes; empty: none. */
  private arriving: string;
  private total: number;

  /** @param board whose instances run images */
  constructor(storage: FlashStorage, board: Switchboard) {
    this.storage = storage;
    this.board = board;
    this.held = [];
    this.arriving = "";
    this.total = 0;
    const names = storage.names();
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string;
      const digest = name.slice(PREFIX.length);
      if (name.charAt(0) !== PREFIX || !isDigest(digest)) continue;
      const image = storage.readText(name);
      // The power went away while it arrived.
      if (image === undefined || image.charCodeAt(image.length - 1) === ERASED) storage.erase(name);
      else this.held.push(digest);
    }
  }

  has(digest: string): boolean {
    return this.held.indexOf(digest) >= 0;
  }

  /** All digests, 8 bytes each. */
  digests(): Uint8Array[] {
    return this.held.map((digest) => hexToBytes(digest) as Uint8Array);
  }

  /** The run-time that an image needs; it counts as used now. Undefined when it is not there. */
  use(digest: string): number | undefined {
    if (!this.has(digest)) return undefined;
    this.held.splice(this.held.indexOf(digest), 1);
    const image = this.storage.readText(PREFIX + digest);
    if (image === undefined || !this.isSound(digest)) return undefined;
    this.held.push(digest);
    return image.charCodeAt(0) === 0 && image.charAt(1) === "a" ? RUNTIME_WASM : RUNTIME_JS;
  }

  /** The block of the storage that holds an image. */
  blockOf(digest: string): string {
    return PREFIX + digest;
  }

  /** Stores an image: {@link STORED}, {@link ALREADY_THERE}, {@link NO_ROOM} or {@link DAMAGED}. */
  put(digest: string, image: Uint8Array): number {
    if (this.has(digest)) return ALREADY_THERE;
    while (image.length > this.storage.freeBytes() || !this.storage.write(PREFIX + digest, image)) {
      if (!this.evict()) return NO_ROOM;
    }
    return this.stored(digest);
  }

  /** Takes a part of an image; parts come in order, {@link finish} follows the last one. False: there is no room. */
  putPart(digest: string, at: number, bytes: Uint8Array, total: number): boolean {
    const { storage } = this;
    if (this.has(digest)) return true;
    if (at === 0) {
      this.abandon();
      while (total > storage.freeBytes()) if (!this.evict()) return false;
      this.arriving = digest;
      this.total = total;
    }
    return this.arriving === digest && storage.writePart(PREFIX + digest, at, this.total, bytes);
  }

  /** Ends the image that arrived in parts; what {@link put} gives, or undefined when none did. */
  finish(digest: string): number | undefined {
    if (this.has(digest)) return ALREADY_THERE;
    if (this.arriving !== digest) return undefined;
    this.arriving = "";
    return this.stored(digest);
  }

  /** Removes an image; false when an instance runs it. */
  remove(digest: string): boolean {
    if (!this.has(digest)) return true;
    if (this.board.runs(digest)) return false;
    this.held.splice(this.held.indexOf(digest), 1);
    this.storage.erase(PREFIX + digest);
    return true;
  }

  /** Bytes that an image may have. */
  freeBytes(): number {
    let free = this.storage.freeBytes();
    for (let i = 0; i < this.held.length; i++) {
      const digest = this.held[i] as string;
      const image = this.board.runs(digest) ? undefined : this.storage.readText(PREFIX + digest);
      if (image !== undefined) free += image.length;
    }
    return free;
  }

  private stored(digest: string): number {
    if (!this.isSound(digest)) return DAMAGED;
    this.held.push(digest);
    return STORED;
  }

  /** True when an image is what its name says, as far as the board can tell; another one is erased. */
  private isSound(digest: string): boolean {
    const sum = this.storage.sha256(PREFIX + digest);
    if (sum === undefined || bytesToHex(sum.subarray(0, DIGITS / 2)) === digest) return true;
    this.storage.erase(PREFIX + digest);
    return false;
  }

  /** Gives up what arrives in parts. */
  private abandon(): void {
    if (this.arriving !== "") this.storage.erase(PREFIX + this.arriving);
    this.arriving = "";
  }

  private evict(): boolean {
    for (let i = 0; i < this.held.length; i++) if (this.remove(this.held[i] as string)) return true;
    return false;
  }
}

/** True when a text is a digest: 16 lower-case hexadecimal digits. */
export function isDigest(text: string): boolean {
  const bytes = hexToBytes(text);
  return text.length === DIGITS && bytes !== undefined && bytesToHex(bytes) === text;
}
