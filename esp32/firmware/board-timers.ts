import type { Timers } from "../../coap-api/endpoint/transport.js";

/** The timers of a board. */
export const boardTimers: Timers = {
  nowMs: () => getTime() * 1000,
  set: (delayMs, callback) => setTimeout(callback, delayMs),
  clear: (timer) => clearTimeout(timer),
};
