import { RecentMap } from "../../platform/recent-map.js";
import { type CompiledImage, compileImage } from "./compile-image.js";
import { sha256 } from "./digest.js";
import type { ImageLimits } from "./function-image.js";

/**
 * Prepared and compiled modules by the digest of their source, so that a thousand instances of one function cost one
 * preparation and one compilation. The least recently used one is forgotten when there are more than `capacity`; running
 * instances keep theirs.
 */
export class ImageCache {
  readonly #limits: ImageLimits;
  readonly #compiled: RecentMap<string, CompiledImage>;

  constructor(limits: ImageLimits, capacity: number) {
    this.#limits = limits;
    this.#compiled = new RecentMap(capacity);
  }

  /** Number of images held. */
  get size(): number {
    return this.#compiled.size;
  }

  /** The compiled image of a source module. Throws as `prepareImage` does; a module that was refused is not remembered. */
  get(wasm: Uint8Array): CompiledImage {
    const digest = sha256(wasm);
    const found = this.find(digest);
    if (found !== undefined) {
      return found;
    }
    const compiled = compileImage(wasm, this.#limits);
    this.add(digest, compiled);
    return compiled;
  }

  /** What is held for the digest of a source module. */
  find(digest: string): CompiledImage | undefined {
    return this.#compiled.get(digest);
  }

  /** Takes an image that was compiled elsewhere, under the limits of this cache. */
  add(digest: string, compiled: CompiledImage): void {
    this.#compiled.set(digest, compiled);
  }
}
