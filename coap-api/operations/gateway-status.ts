import { CborReader } from "../cbor/cbor-reader.js";
import { CborWriter } from "../cbor/cbor-writer.js";
import { WireFault } from "../wire-fault.js";
import { type Counters, readCounters, writeCounters } from "./counters.js";
import { readDigests, writeDigests } from "./image-digests.js";

/** Status of a gateway, `GET /s` at the gateway. The keys that a device has too mean the same. */
export interface GatewayStatus {
  /** Room for images that are stored, bytes. */
  freeImageBytes: number;
  /** Since the gateway started. */
  uptimeSeconds: number;
  /** Since the gateway started, by the positions of a device's; events received came from devices. */
  counters: Counters;
  /** Another one at each start of the gateway. */
  bootNonce: number;
  /** Digests of the images that are stored, 8 bytes each. */
  digests: Uint8Array[];
  /** Devices that are registered. */
  devices: number;
  /** Devices that may be registered at a time. */
  mostDevices: number;
  /** Functions and resources that should run on devices. */
  instances: number;
  /** Events that wait for devices. */
  queuedEvents: number;
}

/** Writes the status of a gateway. */
export function encodeGatewayStatus(status: GatewayStatus): Uint8Array {
  const writer = new CborWriter(96);
  writer.map(9);
  writer.integer(0).integer(status.freeImageBytes);
  writer.integer(1).integer(status.uptimeSeconds);
  writer.integer(3);
  writeCounters(writer, status.counters);
  writer.integer(4).integer(status.bootNonce);
  writer.integer(5);
  writeDigests(writer, status.digests);
  writer.integer(6).integer(status.devices);
  writer.integer(7).integer(status.mostDevices);
  writer.integer(8).integer(status.instances);
  return writer.integer(9).integer(status.queuedEvents).written();
}

/**
 * Reads the status of a gateway; keys of a newer edition are passed over. Lists that are not there are empty.
 * @throws WireFault "missing field" also when a number is not there
 */
export function decodeGatewayStatus(bytes: Uint8Array): GatewayStatus {
  const reader = new CborReader(bytes);
  const status: GatewayStatus = {
    freeImageBytes: -1,
    uptimeSeconds: -1,
    counters: [],
    bootNonce: -1,
    digests: [],
    devices: -1,
    mostDevices: -1,
    instances: -1,
    queuedEvents: -1,
  };
  for (let left = reader.map(); left > 0; left--) {
    const key = reader.unsigned();
    if (key === 0) status.freeImageBytes = reader.unsigned();
    else if (key === 1) status.uptimeSeconds = reader.unsigned();
    else if (key === 3) status.counters = readCounters(reader);
    else if (key === 4) status.bootNonce = reader.unsigned32();
    else if (key === 5) status.digests = readDigests(reader);
    else if (key === 6) status.devices = reader.unsigned();
    else if (key === 7) status.mostDevices = reader.unsigned();
    else if (key === 8) status.instances = reader.unsigned();
    else if (key === 9) status.queuedEvents = reader.unsigned();
    else reader.skip();
  }
  reader.end();
  if (isIncomplete(status)) throw new WireFault("missing field", 0);
  return status;
}

function isIncomplete(status: GatewayStatus): boolean {
  const { freeImageBytes, uptimeSeconds, bootNonce, devices, mostDevices, instances, queuedEvents } = status;
  return (
    Math.min(freeImageBytes, uptimeSeconds, bootNonce) < 0 ||
    Math.min(devices, mostDevices, instances, queuedEvents) < 0
  );
}
