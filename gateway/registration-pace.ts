/** Shortest and longest pause that a device is asked for, seconds. */
const SHORTEST_S = 1;
const LONGEST_S = 30;
/** Over so long the pace is measured, milliseconds. */
const WINDOW_MS = 1_000;
/** Registrations per second, before any was measured and at least: a pause must end some time. */
const USUAL_PER_S = 200;
const LEAST_PER_S = 20;
/** How much one window changes the measured pace. */
const NEW_WEIGHT = 0.5;

/**
 * How fast devices may register. What is in progress is bounded; who comes meanwhile is told when its turn is, so that a
 * fleet arrives at the pace at which it is taken. Times are monotonic milliseconds.
 */
export class RegistrationPace {
  readonly #atATime: number;
  #inProgress = 0;
  #perSecond = USUAL_PER_S;
  #windowStartMs = Number.NEGATIVE_INFINITY;
  #ended = 0;
  /** When those that were told to wait will all have had their turn. */
  #takenUntilMs = Number.NEGATIVE_INFINITY;

  /** @param atATime most registrations in progress */
  constructor(atATime: number) {
    this.#atATime = atATime;
  }

  /**
   * Lets a registration begin, or not.
   * @param backlog what waits behind earlier registrations; it counts as in progress
   * @returns undefined when it may begin, which ends with {@link end}; else after how many seconds to ask again
   */
  begin(nowMs: number, backlog: number): number | undefined {
    if (this.#inProgress + backlog < this.#atATime) {
      this.#inProgress++;
      return undefined;
    }
    const perMs = Math.max(LEAST_PER_S, this.#perSecond) / 1000;
    this.#takenUntilMs = Math.max(this.#takenUntilMs, nowMs + SHORTEST_S * 1000) + 1 / perMs;
    return Math.min(LONGEST_S, Math.ceil((this.#takenUntilMs - nowMs) / 1000));
  }

  /** A registration that had begun is over. */
  end(nowMs: number): void {
    this.#inProgress--;
    this.#ended++;
    const tookMs = nowMs - this.#windowStartMs;
    if (tookMs < WINDOW_MS) return;
    // A window that was not busy all the time tells nothing.
    if (tookMs < 2 * WINDOW_MS) {
      const measured = (this.#ended * 1000) / tookMs;
      this.#perSecond += (measured - this.#perSecond) * NEW_WEIGHT;
    }
    this.#windowStartMs = nowMs;
    this.#ended = 0;
  }
}
