import { ClassicLevel } from "classic-level";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { makeFolder } from "../make-folder.js";
import type { Store, StoreChange } from "./store.js";

/**
 * Opens a store in the folder `path`, which is created when it is missing. One process at a time can have it open.
 * @throws EdgelessError EDGELESS_STORE_LOCKED, EDGELESS_STORE_BROKEN
 */
export async function openLevelStore(path: string): Promise<Store> {
  try {
    makeFolder(path);
    const database = new ClassicLevel<string, Uint8Array>(path, {
      keyEncoding: "utf8",
      valueEncoding: "view",
    });
    await database.open();
    return new LevelStore(path, database);
  } catch (error) {
    throw openingFault(path, error);
  }
}

type Operation =
  | { readonly type: "put"; readonly key: string; readonly value: Uint8Array }
  | { readonly type: "del"; readonly key: string };

class LevelStore implements Store {
  readonly #path: string;
  readonly #database: ClassicLevel<string, Uint8Array>;
  /** Changes that came while a batch was being written: they share the next one and its one sync to disk. */
  #waiting: StoreChange[] = [];
  #nextBatch: Promise<void> | undefined;
  /** Settles when the last batch ended, well or not. */
  #batch: Promise<void> = Promise.resolve();
  /** A write failed, so that the end of the log cannot be trusted. */
  #isTorn = false;

  constructor(path: string, database: ClassicLevel<string, Uint8Array>) {
    this.#path = path;
    this.#database = database;
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#guard(() => this.#database.get(key));
  }

  async write(changes: readonly StoreChange[]): Promise<void> {
    this.#waiting.push(...changes);
    this.#nextBatch ??= this.#batch.then(() => this.#writeWaiting());
    await this.#nextBatch;
  }

  async *entries(prefix: string): AsyncGenerator<readonly [key: string, value: Uint8Array]> {
    try {
      for await (const [key, value] of this.#database.iterator({ gte: prefix })) {
        if (!key.startsWith(prefix)) return;
        yield [key, value];
      }
    } catch (error) {
      throw this.#fault(error);
    }
  }

  close(): Promise<void> {
    return this.#guard(() => this.#database.close());
  }

  #writeWaiting(): Promise<void> {
    const operations = this.#waiting.map(
      ({ key, value }): Operation =>
        value === undefined ? { type: "del", key } : { type: "put", key, value },
    );
    this.#waiting = [];
    this.#nextBatch = undefined;
    const written = this.#guard(() => this.#writeAll(operations));
    this.#batch = written.catch(() => undefined);
    return written;
  }

  /** What is written behind a torn record would be lost when the log is read again: a torn log is left for a new one. */
  async #writeAll(operations: Operation[]): Promise<void> {
    if (this.#isTorn) {
      await this.#database.close();
      await this.#database.open();
      this.#isTorn = false;
    }
    try {
      await this.#database.batch(operations, { sync: true });
    } catch (error) {
      this.#isTorn = this.#database.status === "open";
      throw error;
    }
  }

  async #guard<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw this.#fault(error);
    }
  }

  #fault(error: unknown): EdgelessError {
    const cause = causeOf(error);
    return new EdgelessError(
      codeOf(cause),
      `the store ${this.#path} cannot be used: ${reasonOf(cause)}`,
      error,
    );
  }
}

function openingFault(path: string, error: unknown): EdgelessError {
  const cause = causeOf(error);
  if (cause instanceof Error && "code" in cause && cause.code === "LEVEL_LOCKED") {
    return new EdgelessError(
      "EDGELESS_STORE_LOCKED",
      `the store ${path} is in use by another process`,
      error,
    );
  }
  return new EdgelessError(codeOf(cause), `the store ${path} cannot be opened: ${reasonOf(cause)}`, error);
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? (error.cause ?? error) : error;
}

/** The database knows the words of the system, not its numbers: ENOSPC, EDQUOT, EFBIG. */
function codeOf(cause: unknown): "EDGELESS_STORE_FULL" | "EDGELESS_STORE_BROKEN" {
  const isFull = /No space left on device|Disk quota exceeded|File too large|ENOSPC|EDQUOT|EFBIG/.test(
    reasonOf(cause),
  );
  return isFull ? "EDGELESS_STORE_FULL" : "EDGELESS_STORE_BROKEN";
}
