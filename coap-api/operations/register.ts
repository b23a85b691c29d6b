import { CborReader } from "../cbor/cbor-reader.js";
import { CborWriter } from "../cbor/cbor-writer.js";
import { WireFault } from "../wire-fault.js";
import { type RunningFirmware, readRunningFirmware, writeRunningFirmware } from "./firmware.js";
import { readDigests, writeDigests } from "./image-digests.js";

/** The edition of this API that the project speaks. */
export const EDITION = 1;

/** Kinds of engine that a device may have: WebAssembly, or JavaScript translated from it. */
export const RUNTIME_WASM = 0;
export const RUNTIME_JS = 1;

/** Kinds of instance. */
export const FUNCTION = 0;
export const RESOURCE = 1;

/** A resource provider of a device. */
export interface DeviceProvider {
  providerId: string;
  classType: string;
  outputs: string[];
}

/** An instance that a device says it runs; the tag is what the gateway gave it at its start, 8 bytes. */
export interface DeviceInstance {
  handle: number;
  kind: number;
  tag: Uint8Array;
}

/** What a device is able to hold. */
export interface DeviceLimits {
  /** Largest function image, bytes. */
  imageBytes: number;
  instances: number;
  /** Largest memory of one function, bytes. */
  functionMemoryBytes: number;
  /** Largest payload of one event, bytes. */
  payloadBytes: number;
}

/** Registration of a device, `POST /rd?ep=<node id>&lt=<seconds>` at the gateway (verbs of RFC 9176). */
export interface Registration {
  edition: number;
  /** Drawn at each boot, 32 bits; another one means that the device lost its instances. */
  bootNonce: number;
  board: string;
  freeMemoryBytes: number;
  runtimes: number[];
  providers: DeviceProvider[];
  /** Digests of the images it keeps, 8 bytes each. */
  digests: Uint8Array[];
  instances: DeviceInstance[];
  limits: DeviceLimits;
  labels: string[];
  /** A name for people; empty: none. */
  name: string;
  /** Absent: the device does not say, and its firmware cannot be replaced. */
  firmware?: RunningFirmware;
}

/** Writes a registration. */
export function encodeRegistration(registration: Registration): Uint8Array {
  const writer = new CborWriter(128);
  const { runtimes, providers, digests, instances, limits, labels, firmware } = registration;
  writer.map(firmware === undefined ? 11 : 12);
  writer.integer(0).integer(registration.edition);
  writer.integer(1).integer(registration.bootNonce);
  writer.integer(2).text(registration.board);
  writer.integer(3).integer(registration.freeMemoryBytes);
  writer.integer(4).array(runtimes.length);
  for (let i = 0; i < runtimes.length; i++) writer.integer(runtimes[i] as number);
  writer.integer(5).array(providers.length);
  for (let i = 0; i < providers.length; i++) {
    const { providerId, classType, outputs } = providers[i] as DeviceProvider;
    writer.array(3).text(providerId).text(classType);
    writeTexts(writer, outputs);
  }
  writer.integer(6);
  writeDigests(writer, digests);
  writer.integer(7).array(instances.length);
  for (let i = 0; i < instances.length; i++) {
    const { handle, kind, tag } = instances[i] as DeviceInstance;
    writer.array(3).integer(handle).integer(kind).byteString(tag);
  }
  writer.integer(8).array(4).integer(limits.imageBytes).integer(limits.instances);
  writer.integer(limits.functionMemoryBytes).integer(limits.payloadBytes);
  writer.integer(9);
  writeTexts(writer, labels);
  writer.integer(10).text(registration.name);
  if (firmware !== undefined) writeRunningFirmware(writer.integer(11), firmware);
  return writer.written();
}

/** Run-times of a registration that does not tell them; one without an engine tells that it has none. */
const UNTOLD: number[] = [];

/**
 * Reads a registration; keys of a newer edition are passed over. Lists and texts that are not there are empty.
 * @throws WireFault "missing field" also when edition, nonce, free memory, run-times or limits are not there
 */
export function decodeRegistration(bytes: Uint8Array): Registration {
  const reader = new CborReader(bytes);
  const registration: Registration = {
    edition: 0,
    bootNonce: -1,
    board: "",
    freeMemoryBytes: -1,
    runtimes: UNTOLD,
    providers: [],
    digests: [],
    instances: [],
    limits: { imageBytes: 0, instances: -1, functionMemoryBytes: 0, payloadBytes: 0 },
    labels: [],
    name: "",
  };
  for (let left = reader.map(); left > 0; left--) readField(reader, reader.unsigned(), registration);
  reader.end();
  const { edition, bootNonce, freeMemoryBytes, runtimes, limits } = registration;
  if (edition === 0 || bootNonce < 0 || freeMemoryBytes < 0 || runtimes === UNTOLD || limits.instances < 0)
    throw new WireFault("missing field", 0);
  return registration;
}

function readField(reader: CborReader, key: number, registration: Registration): void {
  if (key === 0) registration.edition = reader.unsigned();
  else if (key === 1) registration.bootNonce = reader.unsigned32();
  else if (key === 2) registration.board = reader.text();
  else if (key === 3) registration.freeMemoryBytes = reader.unsigned();
  else if (key === 4) registration.runtimes = readNumbers(reader);
  else if (key === 5) registration.providers = readProviders(reader);
  else if (key === 6) registration.digests = readDigests(reader);
  else if (key === 7) registration.instances = readInstances(reader);
  else if (key === 8) registration.limits = readLimits(reader);
  else if (key === 9) registration.labels = readTexts(reader);
  else if (key === 10) registration.name = reader.text();
  else if (key === 11) registration.firmware = readRunningFirmware(reader);
  else reader.skip();
}

function readNumbers(reader: CborReader): number[] {
  const numbers: number[] = [];
  for (let left = reader.array(); left > 0; left--) numbers.push(reader.unsigned());
  return numbers;
}

function readProviders(reader: CborReader): DeviceProvider[] {
  const providers: DeviceProvider[] = [];
  for (let left = reader.array(); left > 0; left--) {
    reader.arrayOf(3);
    const providerId = reader.text();
    const classType = reader.text();
    providers.push({ providerId, classType, outputs: readTexts(reader) });
  }
  return providers;
}

function readInstances(reader: CborReader): DeviceInstance[] {
  const instances: DeviceInstance[] = [];
  for (let left = reader.array(); left > 0; left--) {
    reader.arrayOf(3);
    const handle = reader.unsigned();
    const kind = reader.unsigned();
    instances.push({ handle, kind, tag: reader.bytesOf(8) });
  }
  return instances;
}

function readLimits(reader: CborReader): DeviceLimits {
  reader.arrayOf(4);
  const imageBytes = reader.unsigned();
  const instances = reader.unsigned();
  const functionMemoryBytes = reader.unsigned();
  return { imageBytes, instances, functionMemoryBytes, payloadBytes: reader.unsigned() };
}

function writeTexts(writer: CborWriter, texts: string[]): void {
  writer.array(texts.length);
  for (let i = 0; i < texts.length; i++) writer.text(texts[i] as string);
}

function readTexts(reader: CborReader): string[] {
  const texts: string[] = [];
  for (let left = reader.array(); left > 0; left--) texts.push(reader.text());
  return texts;
}
