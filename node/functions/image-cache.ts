import { createHash } from "node:crypto";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { prepareImage } from "../../toolchain/image/prepare.js";
import type { FunctionSettings } from "./function-settings.js";

/** A module that can be instantiated, shared by all instances of the same code. */
export interface CompiledImage {
  /** SHA-256 of the module as it came, hexadecimal. */
  readonly digest: string;
  readonly module: WebAssembly.Module;
}

const PAGES_PER_MIB = 16;

/** Prepares and compiles each module once, as long as an instance of it exists. */
export class ImageCache {
  readonly #settings: FunctionSettings;
  readonly #images = new Map<string, { readonly image: CompiledImage; users: number }>();

  constructor(settings: FunctionSettings) {
    this.#settings = settings;
  }

  /** Modules held at the moment. */
  get size(): number {
    return this.#images.size;
  }

  /**
   * Gives the compiled form of a module; each success needs one {@link release}.
   * @throws EdgelessError EDGELESS_BAD_WASM, EDGELESS_WASM_ABI, EDGELESS_WASM_TOO_LARGE
   */
  acquire(wasm: Uint8Array): CompiledImage {
    const { maxModuleBytes, maxMemoryMib } = this.#settings;
    if (wasm.length > maxModuleBytes) {
      const sentence = `the module has ${wasm.length} bytes, the limit of this node is ${maxModuleBytes}`;
      throw new EdgelessError("EDGELESS_WASM_TOO_LARGE", sentence);
    }
    const digest = createHash("sha256").update(wasm).digest("hex");
    let entry = this.#images.get(digest);
    if (entry === undefined) {
      const prepared = prepareImage(wasm, { maxMemoryPages: maxMemoryMib * PAGES_PER_MIB });
      entry = { image: { digest, module: compile(prepared.module) }, users: 0 };
      this.#images.set(digest, entry);
    }
    entry.users++;
    return entry.image;
  }

  /** One instance less uses the image. */
  release(digest: string): void {
    const entry = this.#images.get(digest);
    if (entry !== undefined && --entry.users <= 0) this.#images.delete(digest);
  }
}

function compile(wasm: Uint8Array): WebAssembly.Module {
  try {
    return new WebAssembly.Module(wasm);
  } catch (error) {
    throw new EdgelessError("EDGELESS_BAD_WASM", `the module does not compile: ${reasonOf(error)}`, error);
  }
}
