/** Runs the tasks of one key one after the other, those of different keys independently. */
export class KeyedQueue<K> {
  readonly #tails = new Map<K, Promise<unknown>>();

  /** True when nothing runs or waits for this key. */
  isIdle(key: K): boolean {
    return !this.#tails.has(key);
  }

  /** Runs `task` after all earlier ones of the key, whatever became of them. */
  run<T>(key: K, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const result = before.then(task);
    const tail: Promise<unknown> = result
      .catch(() => undefined)
      .then(() => {
        if (this.#tails.get(key) === tail) this.#tails.delete(key);
      });
    this.#tails.set(key, tail);
    return result;
  }

  /** Settles when nothing runs or waits at all. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values());
  }
}
