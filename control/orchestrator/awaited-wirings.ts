import type { Clock, Timer } from "../../core/clock.js";
import type { Uuid } from "../../core/uuid.js";

/** Longest that anybody waits for a wiring, milliseconds: a node that does not answer must not hold the ε-CON up. */
const LONGEST_MS = 500;

interface Awaited {
  readonly timer: Timer;
  done(): void;
}

/** Those who wait until a component has the outputs that it should have. */
export class AwaitedWirings {
  readonly #clock: Clock;
  readonly #isUnderWay: (logicalId: Uuid) => boolean;
  readonly #awaited = new Map<Uuid, Set<Awaited>>();

  /** @param isUnderWay whether a patch of the component is planned or was sent */
  constructor(clock: Clock, isUnderWay: (logicalId: Uuid) => boolean) {
    this.#clock = clock;
    this.#isUnderWay = isUnderWay;
  }

  /** Resolves when no patch of the component is under way; after half a second at the latest. */
  settled(logicalId: Uuid): Promise<void> {
    if (!this.#isUnderWay(logicalId)) return Promise.resolve();
    return new Promise((resolve) => {
      const all = this.#awaited.get(logicalId) ?? new Set();
      this.#awaited.set(logicalId, all);
      const awaited: Awaited = {
        timer: this.#clock.setTimer(LONGEST_MS, () => awaited.done()),
        done: () => {
          awaited.timer.cancel();
          all.delete(awaited);
          if (all.size === 0) this.#awaited.delete(logicalId);
          resolve();
        },
      };
      all.add(awaited);
    });
  }

  /** Releases those whose component has settled. */
  review(): void {
    for (const [logicalId, all] of this.#awaited)
      if (!this.#isUnderWay(logicalId)) for (const awaited of all) awaited.done();
  }

  /** Releases all. */
  close(): void {
    for (const all of this.#awaited.values()) for (const awaited of all) awaited.done();
  }
}
