import { RecentMap } from "../platform/recent-map.js";
import { sha256 } from "../toolchain/image/digest.js";
import { ImageCache } from "../toolchain/image/image-cache.js";
import { PREPARED_EXPORTS } from "../toolchain/image/prepared-layout.js";
import { BoardContext } from "./board-context.js";

/** Memory ceilings for which modules are kept. */
const CEILINGS = 16;
/** Modules that are kept for each ceiling, and prepared modules that are kept. */
const CAPACITY = 256;

/** Compiled modules and translated functions for all emulated boards of a process. Takes source modules, and modules that were prepared before. */
export class ModuleLibrary {
  readonly #caches = new RecentMap<number, ImageCache>(CEILINGS);
  readonly #prepared: RecentMap<string, WebAssembly.Module>;
  readonly #capacity: number;
  #context: BoardContext | undefined;

  /** @param capacity most modules kept for each memory ceiling, and most prepared ones; the least recently used is forgotten */
  constructor(capacity = CAPACITY) {
    this.#capacity = capacity;
    this.#prepared = new RecentMap(capacity);
  }

  /** How many prepared modules were forgotten so far, because others needed their room. */
  get forgotten(): number {
    return this.#prepared.forgotten;
  }

  /** Where translated functions are evaluated. */
  get context(): BoardContext {
    this.#context ??= new BoardContext();
    return this.#context;
  }

  /**
   * The module to run for an image.
   * @param pages ceiling of its memory, pages of 64 KiB
   * @throws EdgelessError EDGELESS_BAD_WASM, EDGELESS_WASM_ABI or EDGELESS_WASM_TOO_LARGE
   */
  compile(image: Uint8Array, pages: number): WebAssembly.Module {
    if (isPrepared(image)) {
      const digest = sha256(image);
      const known = this.#prepared.get(digest);
      if (known !== undefined) return known;
      const module = new WebAssembly.Module(image);
      this.#prepared.set(digest, module);
      return module;
    }
    let cache = this.#caches.get(pages);
    if (cache === undefined) {
      cache = new ImageCache({ maxMemoryPages: pages }, this.#capacity);
      this.#caches.set(pages, cache);
    }
    return cache.get(image).module;
  }
}

/** Only prepared modules have the name of the fuel global in them; a source that has it as data fails to prepare anyway. */
function isPrepared(image: Uint8Array): boolean {
  return Buffer.from(image.buffer, image.byteOffset, image.length).includes(PREPARED_EXPORTS.fuel);
}
