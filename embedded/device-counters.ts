import { COUNTERS, type Counters } from "../coap-api/operations/counters.js";

/** What the counters of `coap-api/operations/counters.ts` count; the first two are events over the radio. */
export const EVENTS_RECEIVED = 0;
export const EVENTS_SENT = 1;
export const MAILBOX_FULL = 2;
export const NO_ROUTE = 3;
export const NOT_TAKEN = 4;
export const MALFORMED = 5;
export const REPEATED = 6;
export const UNANSWERED = 7;
export const CRASHES = 8;

/** All zero. */
export function createDeviceCounters(): Counters {
  const counters: Counters = [];
  for (let i = 0; i < COUNTERS; i++) counters.push(0);
  return counters;
}
