import { sha256 } from "../toolchain/image/digest.js";
import type { FunctionImage } from "../toolchain/image/function-image.js";
import type { ModuleInfo } from "../toolchain/image/module-info.js";
import { prepareImage } from "../toolchain/image/prepare.js";

/** The modules that instances of this gateway need, one copy each, and what was found out about modules lately. */
export class ImageLibrary {
  readonly #images = new Map<string, { readonly bytes: Uint8Array; users: number }>();
  readonly #checked = new Map<string, ModuleInfo>();
  readonly #checkedCapacity: number;

  /** @param checkedCapacity modules of which it is remembered that they passed the checks */
  constructor(checkedCapacity: number) {
    this.#checkedCapacity = checkedCapacity;
  }

  /** Images that are kept. */
  get size(): number {
    return this.#images.size;
  }

  /**
   * Checks a module against the guest ABI and a memory limit; a module that passed is not checked again. The caller has
   * bounded its size.
   * @throws EdgelessError EDGELESS_BAD_WASM, EDGELESS_WASM_ABI, EDGELESS_WASM_TOO_LARGE
   */
  check(wasm: Uint8Array, maxMemoryPages: number): { readonly digest: string; readonly info: ModuleInfo } {
    const digest = sha256(wasm);
    const key = `${digest} ${maxMemoryPages}`;
    let info = this.#checked.get(key);
    if (info === undefined) {
      const image: FunctionImage = prepareImage(wasm, { maxMemoryPages });
      info = image.info;
    }
    this.#checked.delete(key);
    this.#checked.set(key, info);
    for (const oldest of this.#checked.keys()) {
      if (this.#checked.size <= this.#checkedCapacity) break;
      this.#checked.delete(oldest);
    }
    return { digest, info };
  }

  /** An instance needs an image from now on; true when it is the first. */
  use(digest: string, bytes: Uint8Array): boolean {
    const known = this.#images.get(digest);
    if (known !== undefined) {
      known.users++;
      return false;
    }
    this.#images.set(digest, { bytes, users: 1 });
    return true;
  }

  /** An instance does not need an image any more; true when it was the last. */
  release(digest: string): boolean {
    const known = this.#images.get(digest);
    if (known === undefined) return false;
    known.users--;
    if (known.users > 0) return false;
    this.#images.delete(digest);
    return true;
  }

  /** The bytes of an image that some instance needs. */
  bytesOf(digest: string): Uint8Array | undefined {
    return this.#images.get(digest)?.bytes;
  }
}
