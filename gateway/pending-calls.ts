import type { Clock, Timer } from "../core/clock.js";

/** Calls that wait for their answer, each for a limited time, by a key that the answer carries. */
export class PendingCalls<Key, Call> {
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #calls = new Map<Key, { readonly call: Call; readonly timer: Timer }>();

  constructor(clock: Clock, capacity: number) {
    this.#clock = clock;
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#calls.size;
  }

  get isFull(): boolean {
    return this.#calls.size >= this.#capacity;
  }

  has(key: Key): boolean {
    return this.#calls.has(key);
  }

  /** Remembers a call; `expired` runs when its answer did not come in time. */
  add(key: Key, call: Call, timeoutMs: number, expired: () => void): void {
    const timer = this.#clock.setTimer(timeoutMs, () => {
      this.#calls.delete(key);
      expired();
    });
    this.#calls.set(key, { call, timer });
  }

  /** The call without taking it out. */
  peek(key: Key): Call | undefined {
    return this.#calls.get(key)?.call;
  }

  /** Takes out the call of an answer; undefined when nobody waits for it. */
  take(key: Key): Call | undefined {
    const found = this.#calls.get(key);
    if (found === undefined) return undefined;
    found.timer.cancel();
    this.#calls.delete(key);
    return found.call;
  }

  /** Takes out all calls that fit. */
  takeAll(fits: (call: Call) => boolean = () => true): Call[] {
    const taken: Call[] = [];
    for (const [key, { call, timer }] of this.#calls) {
      if (!fits(call)) continue;
      timer.cancel();
      this.#calls.delete(key);
      taken.push(call);
    }
    return taken;
  }
}
