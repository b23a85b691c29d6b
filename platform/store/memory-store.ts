import type { Store, StoreChange } from "./store.js";

/** A store that forgets everything at the end of the process. */
export class MemoryStore implements Store {
  readonly #values = new Map<string, Uint8Array>();

  get(key: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#values.get(key));
  }

  write(changes: readonly StoreChange[]): Promise<void> {
    for (const { key, value } of changes) {
      if (value === undefined) this.#values.delete(key);
      else this.#values.set(key, value.slice());
    }
    return Promise.resolve();
  }

  async *entries(prefix: string): AsyncGenerator<readonly [key: string, value: Uint8Array]> {
    const keys = [...this.#values.keys()].filter((key) => key.startsWith(prefix)).sort(byBytes);
    for (const key of keys) {
      const value = this.#values.get(key);
      if (value !== undefined) yield [key, value];
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** The order of UTF-8, which is that of the store on disk. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
