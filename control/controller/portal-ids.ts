import type { ControllerStore } from "./controller-store.js";
import { crossingNames } from "./crossing.js";

/** Numbers that are reserved in the store at a time. */
const RESERVED_AT_ONCE = 1_000;

/**
 * Numbers for the bridges of crossings. None is given twice, not after a restart either: an ε-BAL may still hold halves of
 * an earlier one.
 */
export class PortalIds {
  readonly #store: ControllerStore;
  #next = 1;
  #reserved = 0;

  constructor(store: ControllerStore) {
    this.#store = store;
  }

  /** @param reserved the highest number that may have been given, from the store */
  load(reserved: number): void {
    this.#reserved = reserved;
    this.#next = reserved + 1;
  }

  /**
   * Draws the number of a crossing; the next one is its too.
   * @param taken names of components that its resources must not have
   * @throws EdgelessError EDGELESS_STORE_BROKEN
   */
  async draw(taken: ReadonlySet<string>): Promise<number> {
    for (;;) {
      const id = this.#next;
      this.#next += 2;
      if (id + 1 > this.#reserved) {
        this.#reserved = id + RESERVED_AT_ONCE;
        await this.#store.reservePortalIds(this.#reserved);
      }
      if (!Object.values(crossingNames({ id })).some((name) => taken.has(name))) return id;
    }
  }
}
