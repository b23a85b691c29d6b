import type { Clock } from "../../core/clock.js";
import type { Sending } from "./guest-imports.js";

/** How long an instance may wait for its first wiring, milliseconds, and how many casts are kept meanwhile. */
const WAIT_MS = 5_000;
const CAPACITY = 64;

/** A cast to an output that had no target yet. */
export interface EarlyCast {
  readonly alias: string;
  readonly payload: string;
  readonly sending: Sending;
}

/**
 * Keeps what a new instance casts before it is wired for the first time: the start and the wiring of an instance are two
 * requests, and what it sends in between would be lost. Nothing is kept once it is wired, or when no wiring follows soon.
 */
export class EarlyCasts {
  readonly #clock: Clock;
  readonly #endMs: number;
  #casts: EarlyCast[] | undefined = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#endMs = clock.monotonicMs() + WAIT_MS;
  }

  /** Keeps a cast; false when it is lost. */
  keep(cast: EarlyCast): boolean {
    if (this.#casts === undefined || this.#casts.length >= CAPACITY || this.#late) return false;
    this.#casts.push(cast);
    return true;
  }

  /** Ends the waiting: what may still be sent, and how many casts are too old for it. */
  close(): { readonly casts: readonly EarlyCast[]; readonly expired: number } {
    const casts = this.#casts ?? [];
    this.#casts = undefined;
    return this.#late ? { casts: [], expired: casts.length } : { casts, expired: 0 };
  }

  get #late(): boolean {
    return this.#clock.monotonicMs() > this.#endMs;
  }
}
