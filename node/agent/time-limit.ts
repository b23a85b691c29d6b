import type { Clock } from "../../core/clock.js";

/** Outcome of work that was waited for during a limited time. */
export type Waited<T> = { readonly inTime: true; readonly value: T } | { readonly inTime: false };

/**
 * Waits for work, but not longer than a limit in milliseconds. Late work goes on; who cares for its outcome keeps `work`.
 * A failure within the limit is thrown, a later one is ignored here.
 */
export function within<T>(clock: Clock, limitMs: number, work: Promise<T>): Promise<Waited<T>> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(limitMs, () => resolve({ inTime: false }));
    work.then(
      (value) => {
        timer.cancel();
        resolve({ inTime: true, value });
      },
      (error: unknown) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
