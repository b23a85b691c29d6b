import { CborReader } from "../cbor/cbor-reader.js";
import { CborWriter } from "../cbor/cbor-writer.js";
import { type Counters, readCounters, writeCounters } from "./counters.js";
import { type InstanceState, readInstanceStates, writeInstanceStates } from "./instance-state.js";

/** What changed since the last refresh, `POST /rd/<n>` at the gateway; without changes the payload is empty. */
export interface Refresh {
  /** Absent fields did not change. */
  freeMemoryBytes?: number;
  instances?: InstanceState[];
  counters?: Counters;
  uptimeSeconds?: number;
}

/** Writes a refresh; nothing at all when nothing changed. */
export function encodeRefresh(refresh: Refresh): Uint8Array {
  const { freeMemoryBytes, instances, counters, uptimeSeconds } = refresh;
  const given = [freeMemoryBytes, instances, counters, uptimeSeconds].filter(
    (field) => field !== undefined,
  ).length;
  if (given === 0) return new Uint8Array(0);
  const writer = new CborWriter(64);
  writer.map(given);
  if (freeMemoryBytes !== undefined) writer.integer(0).integer(freeMemoryBytes);
  if (instances !== undefined) {
    writer.integer(1);
    writeInstanceStates(writer, instances);
  }
  if (counters !== undefined) {
    writer.integer(2);
    writeCounters(writer, counters);
  }
  if (uptimeSeconds !== undefined) writer.integer(3).integer(uptimeSeconds);
  return writer.written();
}

/** @throws WireFault */
export function decodeRefresh(bytes: Uint8Array): Refresh {
  const refresh: Refresh = {};
  if (bytes.length === 0) return refresh;
  const reader = new CborReader(bytes);
  for (let left = reader.map(); left > 0; left--) {
    const key = reader.unsigned();
    if (key === 0) refresh.freeMemoryBytes = reader.unsigned();
    else if (key === 1) refresh.instances = readInstanceStates(reader);
    else if (key === 2) refresh.counters = readCounters(reader);
    else if (key === 3) refresh.uptimeSeconds = reader.unsigned();
    else reader.skip();
  }
  reader.end();
  return refresh;
}
