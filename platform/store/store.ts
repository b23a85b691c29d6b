/** One change of a {@link Store}: a new value, or the removal of the key. */
export interface StoreChange {
  readonly key: string;
  /** Absent: the key is removed. */
  readonly value?: Uint8Array;
}

/** Ordered keys and their values, kept over the end of the process. */
export interface Store {
  get(key: string): Promise<Uint8Array | undefined>;
  /**
   * Applies all changes or none, after those of earlier calls; when it returns they survive `kill -9` and a power cut.
   */
  write(changes: readonly StoreChange[]): Promise<void>;
  /** All keys that start with `prefix`, in order, with their values. */
  entries(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]>;
  close(): Promise<void>;
}
