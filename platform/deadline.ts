import type { Clock } from "../core/clock.js";

/** What {@link withDeadline} gives when time is up. */
export const LATE = Symbol("late");

/**
 * Waits for a promise at most `delayMs` milliseconds; what it does later is the caller's business.
 * @returns its value, or {@link LATE}
 */
export async function withDeadline<T>(
  clock: Clock,
  delayMs: number,
  promise: Promise<T>,
): Promise<T | typeof LATE> {
  return await new Promise((resolve, reject) => {
    const timer = clock.setTimer(delayMs, () => resolve(LATE));
    promise.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
