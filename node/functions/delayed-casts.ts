import type { Clock, Timer } from "../../core/clock.js";
import type { Uuid } from "../../core/uuid.js";
import type { TextBudget } from "./text-budget.js";

/** Casts that wait for their time. They outlive the instance that asked for them. */
export class DelayedCasts {
  readonly #clock: Clock;
  readonly #maximum: number;
  readonly #budget: TextBudget;
  readonly #timers = new Set<Timer>();
  /** Waiting casts by the instance that asked for them, restarts included. */
  readonly #waiting = new Map<Uuid, number>();

  /** @param maximum most casts that may wait per instance */
  constructor(clock: Clock, maximum: number, budget: TextBudget) {
    this.#clock = clock;
    this.#budget = budget;
    this.#maximum = maximum;
  }

  /**
   * Runs `send` after `delayMs` milliseconds; false when too many casts of `sender`, or too much text, wait already.
   * @param payload what will be sent
   */
  add(sender: Uuid, payload: string, delayMs: number, send: () => void): boolean {
    const waiting = this.#waiting.get(sender) ?? 0;
    if (waiting >= this.#maximum || !this.#budget.take(payload.length)) return false;
    this.#waiting.set(sender, waiting + 1);
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#timers.delete(timer);
      this.#budget.give(payload.length);
      const rest = (this.#waiting.get(sender) ?? 1) - 1;
      if (rest === 0) this.#waiting.delete(sender);
      else this.#waiting.set(sender, rest);
      send();
    });
    this.#timers.add(timer);
    return true;
  }

  /** Forgets all of them. */
  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#waiting.clear();
  }
}
