import type { Clock, Timer } from "../core/clock.js";

/** The clock of the host. */
export const systemClock: Clock = {
  wallMs: () => performance.timeOrigin + performance.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs: number, callback: () => void): Timer {
    if (delayMs <= 0) {
      const immediate = setImmediate(callback);
      return { cancel: () => clearImmediate(immediate) };
    }
    return startTimer(delayMs, callback);
  },
};

/** The longest delay that setTimeout takes; anything above would fire at once. */
const LONGEST_MS = 0x7fffffff;

function startTimer(delayMs: number, callback: () => void): Timer {
  let handle: NodeJS.Timeout;
  const arm = (restMs: number) => {
    handle =
      restMs > LONGEST_MS
        ? setTimeout(() => arm(restMs - LONGEST_MS), LONGEST_MS)
        : setTimeout(callback, restMs);
  };
  arm(delayMs);
  return { cancel: () => clearTimeout(handle) };
}
