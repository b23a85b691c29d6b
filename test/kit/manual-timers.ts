import type { Timers } from "../../coap-api/endpoint/transport.js";

interface Entry {
  readonly timer: number;
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Timers of a device that stand still until a test moves them; everything happens synchronously. */
export class ManualTimers implements Timers {
  #nowMs = 0;
  #last = 0;
  readonly #entries = new Map<number, Entry>();

  /** Timers that wait to run. */
  get pending(): number {
    return this.#entries.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  set(delayMs: number, callback: () => void): number {
    this.#last++;
    this.#entries.set(this.#last, { timer: this.#last, dueMs: this.#nowMs + Math.max(0, delayMs), callback });
    return this.#last;
  }

  clear(timer: number): void {
    this.#entries.delete(timer);
  }

  /** Moves time on, running what falls due in order. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let next = this.#next(); next !== undefined && next.dueMs <= endMs; next = this.#next())
      this.#run(next);
    this.#nowMs = endMs;
  }

  /** Moves time on to the next timer and runs it; false when there is none. */
  step(): boolean {
    const next = this.#next();
    if (next !== undefined) this.#run(next);
    return next !== undefined;
  }

  #run(entry: Entry): void {
    this.#entries.delete(entry.timer);
    this.#nowMs = Math.max(this.#nowMs, entry.dueMs);
    entry.callback();
  }

  #next(): Entry | undefined {
    let best: Entry | undefined;
    for (const entry of this.#entries.values()) {
      if (best === undefined || entry.dueMs < best.dueMs) best = entry;
    }
    return best;
  }
}
