/** The images that instances of this gateway need, one copy each. */
export class ImageLibrary {
  readonly #images = new Map<string, { readonly bytes: Uint8Array; users: number }>();

  /** Images that are kept. */
  get size(): number {
    return this.#images.size;
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
