import { CborReader } from "../cbor/cbor-reader.js";
import { CborWriter } from "../cbor/cbor-writer.js";
import { type Counters, readCounters, writeCounters } from "./counters.js";
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
  writer.integer(5).array(status.digests.length);
  for (let i = 0; i < status.digests.length; i++) writer.byteString(status.digests[i] as Uint8Array);
  return writer.written();
}

/** @throws WireFault */
export function decodeStatus(bytes: Uint8Array): DeviceStatus {
  const reader = new CborReader(bytes);
  const status: DeviceStatus = {
    freeMemoryBytes: 0,
    uptimeSeconds: 0,
    instances: [],
    counters: [],
    bootNonce: 0,
    digests: [],
  };
  for (let left = reader.map(); left > 0; left--) {
    const key = reader.integer();
    if (key === 0) status.freeMemoryBytes = reader.unsigned();
    else if (key === 1) status.uptimeSeconds = reader.unsigned();
    else if (key === 2) status.instances = readInstanceStates(reader);
    else if (key === 3) status.counters = readCounters(reader);
    else if (key === 4) status.bootNonce = reader.unsigned();
    else if (key === 5) for (let n = reader.array(); n > 0; n--) status.digests.push(reader.byteString());
    else reader.skip();
  }
  reader.end();
  return status;
}
