import type { CborReader } from "../cbor/cbor-reader.js";
import type { CborWriter } from "../cbor/cbor-writer.js";

/**
 * Counters of a device since its boot, by number: 0 events received, 1 events sent, 2 events dropped because a mailbox was
 * full, 3 because a route was missing, 4 because the gateway did not take them, 5 datagrams malformed, 6 datagrams
 * repeated, 7 requests that had no answer, 8 instances that ended by themselves.
 */
export type Counters = number[];

/** How many counters this edition has. */
export const COUNTERS = 9;

/** Writes the counters as an array. */
export function writeCounters(writer: CborWriter, counters: Counters): void {
  writer.array(counters.length);
  for (let i = 0; i < counters.length; i++) writer.integer(counters[i] as number);
}

/** @throws WireFault */
export function readCounters(reader: CborReader): Counters {
  const counters: Counters = [];
  for (let left = reader.array(); left > 0; left--) counters.push(reader.unsigned());
  return counters;
}
