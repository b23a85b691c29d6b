import type { Clock } from "../../core/clock.js";
import type { EventMetadata } from "../../core/event.js";
import type { TextBudget } from "./text-budget.js";

/** How long an instance may wait for its first wiring, milliseconds, and how many casts are kept meanwhile. */
const WAIT_MS = 5_000;
const CAPACITY = 64;

/** A cast to an output that had no target yet. */
export interface EarlyCast {
  readonly alias: string;
  readonly payload: string;
  readonly metadata: EventMetadata;
}

/**
 * Keeps what a new instance casts before it is wired for the first time: the start and the wiring of an instance are two
 * requests, and what it sends in between would be lost. Nothing is kept once it is wired, or when no wiring follows soon.
 */
export class EarlyCasts {
  readonly #clock: Clock;
  readonly #budget: TextBudget;
  readonly #endMs: number;
  #casts: EarlyCast[] | undefined = [];

  /** @param budget bounds the text that is kept */
  constructor(clock: Clock, budget: TextBudget) {
    this.#clock = clock;
    this.#budget = budget;
    this.#endMs = clock.monotonicMs() + WAIT_MS;
  }

  /** How many milliseconds the wiring may still take; 0 when there is nothing to wait for. */
  get leftMs(): number {
    return this.#casts === undefined ? 0 : Math.max(0, this.#endMs - this.#clock.monotonicMs());
  }

  /** Keeps a cast; false when it is lost. */
  keep(cast: EarlyCast): boolean {
    if (this.#casts === undefined || this.#casts.length >= CAPACITY || this.leftMs === 0) return false;
    if (!this.#budget.take(cast.payload.length)) return false;
    this.#casts.push(cast);
    return true;
  }

  /** Ends the waiting: what may still be sent, and how many casts are too old for it. */
  close(): { readonly casts: readonly EarlyCast[]; readonly expired: number } {
    const isLate = this.leftMs === 0;
    const casts = this.#casts ?? [];
    this.#casts = undefined;
    for (const { payload } of casts) this.#budget.give(payload.length);
    return isLate ? { casts: [], expired: casts.length } : { casts, expired: 0 };
  }
}
