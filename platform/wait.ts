import type { Clock } from "../core/clock.js";

/** Lets `delayMs` milliseconds pass. */
export function wait(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(delayMs, resolve);
  });
}
