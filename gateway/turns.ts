import { BoundedQueue } from "../core/bounded-queue.js";

/**
 * Work of thousands of nodes towards one peer: a few pieces at a time, in turn. More at once would only wait for each other
 * until all of them run into their deadlines. There is at most one piece of each node.
 */
export class Turns {
  readonly #atATime: number;
  readonly #waiting = new BoundedQueue<() => void>(Number.POSITIVE_INFINITY);
  #running = 0;

  /** @param atATime most pieces in progress */
  constructor(atATime: number) {
    this.#atATime = atATime;
  }

  /** Pieces of work that wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Carries out a piece of work when it is its turn. */
  async take(work: () => Promise<void>): Promise<void> {
    if (this.#running >= this.#atATime) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      await work();
    } finally {
      // The place goes to the next one directly.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
