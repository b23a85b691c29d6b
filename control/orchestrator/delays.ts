import type { Random } from "../../core/random.js";
import { type RetryPolicy, RetrySchedule } from "../../core/retry-schedule.js";

/** Waiting times after a node refused one piece of work. */
const REFUSED_RETRY: RetryPolicy = { initialMs: 500, factor: 2, maximumMs: 30_000, jitter: 0.2 };

/** Pieces of work that wait for their next try, by name; the longer the more often they were refused. */
export class Delays<Item extends string> {
  readonly #random: Random;
  readonly #entries = new Map<Item, { readonly schedule: RetrySchedule; dueMs: number }>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** Notes that a piece of work was refused. */
  delay(item: Item, nowMs: number): void {
    const entry = this.#entries.get(item) ?? {
      schedule: new RetrySchedule(REFUSED_RETRY, this.#random),
      dueMs: 0,
    };
    entry.dueMs = nowMs + entry.schedule.nextMs();
    this.#entries.set(item, entry);
  }

  /** Forgets earlier refusals of a piece of work. */
  undelay(item: Item): void {
    this.#entries.delete(item);
  }

  isDue(item: Item, nowMs: number): boolean {
    return (this.#entries.get(item)?.dueMs ?? 0) <= nowMs;
  }

  /** When the next piece of work becomes due; Infinity when none waits. */
  nextDueMs(nowMs: number): number {
    let due = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#entries.values()) if (dueMs > nowMs && dueMs < due) due = dueMs;
    return due;
  }
}
