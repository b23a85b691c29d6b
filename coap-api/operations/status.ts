import { CborReader } from "../cbor/cbor-reader.js";
import { CborWriter } from "../cbor/cbor-writer.js";
import { WireFault } from "../wire-fault.js";
import { type Counters, readCounters, writeCounters } from "./counters.js";
import { readDigests, writeDigests } from "./image-digests.js";
import { type InstanceState, readInstanceStates, writeInstanceStates } from "./instance-state.js";

/** Status of a device, `GET /s` at the device. */
export interface DeviceStatus {
  freeMemoryBytes: number;
  uptimeSeconds: number;
  instances: InstanceState[];
  counters: Counters;
  bootNonce: number;
  /** Digests of the images it keeps, 8 bytes each. */
  digests: Uint8Array[];
}

/** Writes the status of a device. */
export function encodeStatus(status: DeviceStatus): Uint8Array {
  const writer = new CborWriter(96);
  writer.map(6);
  writer.integer(0).integer(status.freeMemoryBytes);
  writer.integer(1).integer(status.uptimeSeconds);
  writer.integer(2);
  writeInstanceStates(writer, status.instances);
  writer.integer(3);
  writeCounters(writer, status.counters);
  writer.integer(4).integer(status.bootNonce);
  writer.integer(5);
  writeDigests(writer, status.digests);
  return writer.written();
}

/**
 * Reads a status; keys of a newer edition are passed over. Lists that are not there are empty.
 * @throws WireFault "missing field" also when free memory, uptime or nonce is not there
 */
export function decodeStatus(bytes: Uint8Array): DeviceStatus {
  const reader = new CborReader(bytes);
  const status: DeviceStatus = {
    freeMemoryBytes: -1,
    uptimeSeconds: -1,
    instances: [],
    counters: [],
    bootNonce: -1,
    digests: [],
  };
  for (let left = reader.map(); left > 0; left--) {
    const key = reader.unsigned();
    if (key === 0) status.freeMemoryBytes = reader.unsigned();
    else if (key === 1) status.uptimeSeconds = reader.unsigned();
    else if (key === 2) status.instances = readInstanceStates(reader);
    else if (key === 3) status.counters = readCounters(reader);
    else if (key === 4) status.bootNonce = reader.unsigned32();
    else if (key === 5) status.digests = readDigests(reader);
    else reader.skip();
  }
  reader.end();
  if (status.freeMemoryBytes < 0 || status.uptimeSeconds < 0 || status.bootNonce < 0)
    throw new WireFault("missing field", 0);
  return status;
}
