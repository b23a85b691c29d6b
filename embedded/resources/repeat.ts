import type { Timers } from "../../coap-api/endpoint/transport.js";

/** Runs `work` every `intervalMs` milliseconds, the first time after one; returns what ends that. */
export function repeat(timers: Timers, intervalMs: number, work: () => void): () => void {
  const next = () => {
    timer = timers.set(intervalMs, next);
    work();
  };
  let timer = timers.set(intervalMs, next);
  return () => timers.clear(timer);
}
