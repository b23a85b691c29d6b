/** Shortest pause that a device is asked for, seconds. */
const SHORTEST_S = 1;
/** Longest one at first, and when so many wait that it is not enough. */
const LONGEST_S = 30;
const LONGEST_EVER_S = 240;
/** After so much time with registrations in progress their pace is known, milliseconds. */
const MEASURED_MS = 500;
/** Registrations per second, before any was measured and at least: a pause must end some time. */
const USUAL_PER_S = 200;
const LEAST_PER_S = 20;
/** How much one measurement changes the pace. */
const NEW_WEIGHT = 0.5;

/**
 * How fast devices may register. No more are taken than can be served in a second; who comes meanwhile is told to come again
 * later, all of them spread so that they arrive at the pace at which they are served. Times are monotonic milliseconds.
 */
export class RegistrationPace {
  readonly #atATime: number;
  #inProgress = 0;
  #perSecond = USUAL_PER_S;
  /** Since when there is always one in progress. */
  #busySinceMs = 0;
  #busyMs = 0;
  #ended = 0;
  /** When the last one that was told to wait comes again. */
  #lastComesMs = Number.NEGATIVE_INFINITY;
  #longestS = LONGEST_S;

  /** @param atATime registrations that may be in progress however slow they are */
  constructor(atATime: number) {
    this.#atATime = atATime;
  }

  /**
   * Lets a registration begin, or not.
   * @param backlog what waits behind earlier registrations; it counts as in progress
   * @returns undefined when it may begin, which ends with {@link end}; else after how many seconds to ask again
   */
  begin(nowMs: number, backlog: number): number | undefined {
    if (this.#inProgress + backlog < Math.max(this.#atATime, this.#perSecond)) {
      if (this.#inProgress++ === 0) this.#busySinceMs = nowMs;
      return undefined;
    }
    const soonestMs = nowMs + SHORTEST_S * 1000;
    this.#lastComesMs = Math.max(this.#lastComesMs, soonestMs) + 1000 / this.#perSecond;
    // More than come until then start over: whatever was guessed of the pace is known better by then.
    if (this.#lastComesMs > nowMs + this.#longestS * 1000) {
      this.#lastComesMs = soonestMs;
      this.#longestS = Math.min(LONGEST_EVER_S, 2 * this.#longestS);
    }
    return Math.ceil((this.#lastComesMs - nowMs) / 1000);
  }

  /** A registration that had begun is over. */
  end(nowMs: number): void {
    if (--this.#inProgress === 0) this.#longestS = LONGEST_S;
    this.#ended++;
    this.#busyMs += nowMs - this.#busySinceMs;
    this.#busySinceMs = nowMs;
    if (this.#busyMs < MEASURED_MS) return;
    const measured = Math.max(LEAST_PER_S, (this.#ended * 1000) / this.#busyMs);
    this.#perSecond += (measured - this.#perSecond) * NEW_WEIGHT;
    this.#busyMs = 0;
    this.#ended = 0;
  }
}
