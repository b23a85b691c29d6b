import { EdgelessError, reasonOf } from "../../core/errors.js";
import { sha256 } from "./digest.js";
import type { FunctionImage, ImageLimits } from "./function-image.js";
import { prepareImage } from "./prepare.js";

/** A prepared image with its compiled module, which all its instances share. */
export interface CompiledImage {
  readonly image: FunctionImage;
  readonly module: WebAssembly.Module;
}

/**
 * Prepared and compiled modules by the digest of their source, so that a thousand instances of one function cost one
 * preparation and one compilation. The least recently used one is forgotten when there are more than `capacity`; running
 * instances keep theirs.
 */
export class ImageCache {
  readonly #limits: ImageLimits;
  readonly #capacity: number;
  readonly #compiled = new Map<string, CompiledImage>();

  constructor(limits: ImageLimits, capacity: number) {
    this.#limits = limits;
    this.#capacity = capacity;
  }

  /** Number of images held. */
  get size(): number {
    return this.#compiled.size;
  }

  /** The compiled image of a source module. Throws as `prepareImage` does; a module that was refused is not remembered. */
  get(wasm: Uint8Array): CompiledImage {
    const digest = sha256(wasm);
    const found = this.#compiled.get(digest) ?? this.#compile(wasm);
    this.#compiled.delete(digest);
    this.#compiled.set(digest, found);
    for (const oldest of this.#compiled.keys()) {
      if (this.#compiled.size <= this.#capacity) {
        break;
      }
      this.#compiled.delete(oldest);
    }
    return found;
  }

  #compile(wasm: Uint8Array): CompiledImage {
    const image = prepareImage(wasm, this.#limits);
    try {
      return { image, module: new WebAssembly.Module(image.module) };
    } catch (thrown) {
      throw new EdgelessError(
        "EDGELESS_WASM_TOO_LARGE",
        `the engine does not take the prepared module: ${reasonOf(thrown)}`,
        thrown,
      );
    }
  }
}
