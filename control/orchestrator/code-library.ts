import { createHash } from "node:crypto";

/** Keeps equal code of functions once in memory and knows its digest. */
export class CodeLibrary {
  readonly #byDigest = new Map<string, WeakRef<Uint8Array>>();
  readonly #digests = new WeakMap<Uint8Array, string>();

  /** The same bytes, shared with all who brought them before. */
  intern(bytes: Uint8Array): Uint8Array {
    const digest = this.digestOf(bytes);
    const known = this.#byDigest.get(digest)?.deref();
    if (known !== undefined) return known;
    this.#byDigest.set(digest, new WeakRef(bytes));
    return bytes;
  }

  /** SHA-256, lower-case hexadecimal. */
  digestOf(bytes: Uint8Array): string {
    let digest = this.#digests.get(bytes);
    if (digest === undefined) {
      digest = createHash("sha256").update(bytes).digest("hex");
      this.#digests.set(bytes, digest);
    }
    return digest;
  }

  forget(digest: string): void {
    this.#byDigest.delete(digest);
  }
}
