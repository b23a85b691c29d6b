/** A map with a bound: when it is full the least recently used entry makes room for a new one, and is counted. */
export class RecentMap<K, V> {
  readonly #capacity: number;
  /** In the order of their last use, the oldest first. */
  readonly #entries = new Map<K, V>();
  #forgotten = 0;

  /** @param capacity most entries, at least 1 */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** How many entries made room for others so far. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** The value of a key, which is thereby used; undefined when there is none. */
  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, value);
    }
    return value;
  }

  /** Sets the value of a key, which is thereby used. */
  set(key: K, value: V): void {
    this.#entries.delete(key);
    if (this.#entries.size >= this.#capacity) this.#forgetOldest();
    this.#entries.set(key, value);
  }

  #forgetOldest(): void {
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      this.#forgotten += 1;
      return;
    }
  }
}
