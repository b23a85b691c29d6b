import { type CompiledImage, compileImage } from "../image/compile-image.js";
import { sha256 } from "../image/digest.js";
import type { ImageLimits } from "../image/function-image.js";
import { ImageCache } from "../image/image-cache.js";
import type { ImageWorkers } from "./image-workers.js";

/** Size up to which a module is prepared at once: that takes a few milliseconds, however the module was made. */
const SMALL_BYTES = 8 * 1024;

/**
 * An {@link ImageCache} whose large modules are prepared on other threads. What is held, and what is small, is there at
 * once; everything else comes later, and those who ask for the same module meanwhile share the work.
 */
export class PreparedImages {
  readonly #limits: ImageLimits;
  readonly #cache: ImageCache;
  readonly #workers: ImageWorkers;
  readonly #underWay = new Map<string, Promise<CompiledImage>>();

  /** @param capacity most images that are held */
  constructor(limits: ImageLimits, capacity: number, workers: ImageWorkers) {
    this.#limits = limits;
    this.#cache = new ImageCache(limits, capacity);
    this.#workers = workers;
  }

  /** The compiled image of a source module. Throws, or rejects, as `prepareImage` and `ImageWorkers.run` do. */
  get(wasm: Uint8Array): CompiledImage | Promise<CompiledImage> {
    const digest = sha256(wasm);
    const found = this.#cache.find(digest) ?? this.#underWay.get(digest);
    if (found !== undefined) {
      return found;
    }
    if (wasm.length <= SMALL_BYTES) {
      const compiled = compileImage(wasm, this.#limits);
      this.#cache.add(digest, compiled);
      return compiled;
    }
    const work = this.#prepare(digest, wasm);
    this.#underWay.set(digest, work);
    return work;
  }

  async #prepare(digest: string, wasm: Uint8Array): Promise<CompiledImage> {
    try {
      const compiled = await this.#workers.run({ kind: "prepare", wasm, limits: this.#limits });
      this.#cache.add(digest, compiled);
      return compiled;
    } finally {
      this.#underWay.delete(digest);
    }
  }
}
