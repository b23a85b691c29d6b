interface Waiting<Item, Outcome> {
  readonly item: Item;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/** How batches are made. */
export interface BatchParts<Item, Outcome> {
  /** Sends a batch; resolves with the outcome of each item. */
  readonly send: (items: readonly Item[]) => Promise<readonly Outcome[]>;
  /** UTF-16 units of text in an item. */
  readonly lengthOf: (item: Item) => number;
}

/** Most items in one batch. */
const MOST_ITEMS = 500;
/** A batch is closed above this size, UTF-16 units. */
const MOST_TEXT = 256 * 1024;

/** Sends what waits together, in order, one batch after the other. */
export class Batches<Item, Outcome> {
  readonly #parts: BatchParts<Item, Outcome>;
  #waiting: Waiting<Item, Outcome>[] = [];
  #sending = false;

  constructor(parts: BatchParts<Item, Outcome>) {
    this.#parts = parts;
  }

  /**
   * Resolves with the outcome of the item; rejects with the error of its batch. How many may wait is the caller's business.
   */
  add(item: Item): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (!this.#sending) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#sending = true;
    // A turn later, so that items of the same moment share a batch.
    await null;
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      try {
        const outcomes = await this.#parts.send(batch.map(({ item }) => item));
        for (const [i, outcome] of outcomes.entries()) batch[i]?.resolve(outcome);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#sending = false;
  }

  #take(): Waiting<Item, Outcome>[] {
    let count = 0;
    let length = 0;
    for (const { item } of this.#waiting) {
      const own = this.#parts.lengthOf(item);
      if (count > 0 && (count >= MOST_ITEMS || length + own > MOST_TEXT)) break;
      count++;
      length += own;
    }
    return this.#waiting.splice(0, count);
  }
}
