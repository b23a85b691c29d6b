import { RUNTIME_WASM } from "../coap-api/operations/register.js";
import { EdgelessError } from "../core/errors.js";
import type { StoreChange } from "../platform/store/store.js";
import { sha256 } from "../toolchain/image/digest.js";
import type { DeviceImage, ImageKind, WantedImage } from "./device-image.js";
import { imageName } from "./reconciler.js";
import { change } from "./saved-devices.js";

/** Bounds of the images that anybody may store. */
export interface StoredImageLimits {
  readonly maxImages: number;
  /** Of all images together. */
  readonly maxBytes: number;
}

/** What {@link StoredImages} works with. */
export interface StoredImagesParts {
  readonly limits: StoredImageLimits;
  /** Checks a module, translates it if need be, and remembers the outcome. */
  readonly prepare: (wanted: WantedImage) => Promise<DeviceImage>;
  /** Writes changes down. */
  readonly save: (changes: readonly StoreChange[]) => Promise<void>;
}

/** What every module must be fit for, whatever devices there are. */
const ANY_DEVICE: ImageKind = { runtime: RUNTIME_WASM, maxMemoryBytes: 16 * 1024 * 1024 };
/** Kinds of devices for which stored images are made ready before they are asked for. */
const MOST_KINDS = 8;

/**
 * Function images that were brought to the gateway ahead of their use. They are modules like those that come with a start, are
 * checked like them, and nobody runs one because it is here: a start that brings the same module finds the work done.
 */
export class StoredImages {
  readonly #parts: StoredImagesParts;
  readonly #images = new Map<string, Uint8Array>();
  readonly #kinds = new Map<string, ImageKind>();
  #bytes = 0;
  #isTaking = false;
  #work: Promise<unknown> = Promise.resolve();

  constructor(parts: StoredImagesParts) {
    this.#parts = parts;
  }

  /** Names of the images: the first 16 digits of their digests. */
  get names(): string[] {
    return [...this.#images.keys()];
  }

  /** Bytes that another image may have. */
  get freeBytes(): number {
    const { maxImages, maxBytes } = this.#parts.limits;
    return this.#images.size < maxImages ? Math.max(0, maxBytes - this.#bytes) : 0;
  }

  /** Bytes that an image of this name may have; one that is there may come again. */
  roomFor(name: string): number {
    return Math.max(this.freeBytes, this.#images.get(name)?.length ?? 0);
  }

  bytesOf(name: string): Uint8Array | undefined {
    return this.#images.get(name);
  }

  /** Takes back the images of a former life; one that was damaged on the disk is left out. */
  restore(images: ReadonlyMap<string, Uint8Array>): void {
    for (const [name, image] of images) if (isNamed(image, name)) this.#add(name, image);
  }

  /**
   * Stores a module, when it is one and has been written down; one at a time. There must be room.
   * @returns false when it is there already
   * @throws EdgelessError EDGELESS_BAD_WASM, EDGELESS_WASM_ABI, EDGELESS_WASM_TOO_LARGE; EDGELESS_REJECTED or EDGELESS_TIMEOUT
   * when there is too much to do; EDGELESS_STORE_FULL, EDGELESS_STORE_BROKEN
   */
  async put(name: string, image: Uint8Array): Promise<boolean> {
    if (this.#images.has(name)) return false;
    if (!isNamed(image, name))
      throw new EdgelessError("EDGELESS_BAD_WASM", "the image is not what its digest says");
    if (this.#isTaking) throw new EdgelessError("EDGELESS_REJECTED", "another image is being checked");
    this.#isTaking = true;
    try {
      const wasm = image.slice();
      await this.#parts.prepare({ wasm, ...ANY_DEVICE });
      await this.#parts.save([change.storedImage(name, wasm)]);
      this.#add(name, wasm);
      for (const kind of this.#kinds.values()) this.#prepare(wasm, kind);
      return true;
    } finally {
      this.#isTaking = false;
    }
  }

  /** Removes an image; one that is not there is no error. What devices run has its own copy. */
  async remove(name: string): Promise<void> {
    const image = this.#images.get(name);
    if (image === undefined) return;
    await this.#parts.save([change.noStoredImage(name)]);
    if (this.#images.delete(name)) this.#bytes -= image.length;
  }

  /** There are devices of this kind: images are made ready for them in the background. */
  met(kind: ImageKind): void {
    const key = `${kind.runtime} ${kind.maxMemoryBytes}`;
    if (this.#kinds.has(key) || this.#kinds.size >= MOST_KINDS) return;
    this.#kinds.set(key, kind);
    for (const wasm of this.#images.values()) this.#prepare(wasm, kind);
  }

  #add(name: string, image: Uint8Array): void {
    this.#images.set(name, image);
    this.#bytes += image.length;
  }

  /** A module that does not fit these devices is refused when it is to start there. */
  #prepare(wasm: Uint8Array, kind: ImageKind): void {
    this.#work = this.#work.then(() => this.#parts.prepare({ wasm, ...kind })).catch(() => undefined);
  }
}

function isNamed(image: Uint8Array, name: string): boolean {
  return imageName(sha256(image)) === name;
}
