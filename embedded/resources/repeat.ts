import type { Timers } from "../../coap-api/endpoint/transport.js";

/** Runs `work` every `intervalMs` milliseconds, the first time after one; returns what ends that. */
export function repeat(timers: Timers, intervalMs: number, work: () => void): () => void {
  let timer = 0;
  function next(): void {
    timer = timers.set(intervalMs, () => {
      next();
      work();
    });
  }
  next();
  return () => timers.clear(timer);
}
