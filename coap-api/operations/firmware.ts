import { CborReader } from "../cbor/cbor-reader.js";
import { CborWriter } from "../cbor/cbor-writer.js";

/** How a device came to the firmware that it runs. */
export const PROVED = 0;
/** It is tried: unless the device registers, its next boot takes the former one. */
export const ON_TRIAL = 1;
/** The last update did not prove, this is the former firmware. */
export const GONE_BACK = 2;
/** Boots ended badly: the device takes no functions. */
export const SAFE_MODE = 3;

/** The firmware that a device runs. */
export interface RunningFirmware {
  version: string;
  /** PROVED, ON_TRIAL, GONE_BACK or SAFE_MODE. */
  state: number;
}

/** A piece of a file of a new firmware, `PUT /u/<name>` at the device. */
export interface FirmwarePart {
  /** Where the bytes belong in the file. */
  at: number;
  /** Size of the whole file, bytes. */
  total: number;
  bytes: Uint8Array;
}

/** A file that belongs to a firmware. */
export interface FirmwareFile {
  name: string;
  /** Size. */
  bytes: number;
  /** As of zlib. */
  crc32: number;
  /** 32 bytes; devices that cannot compute it go by the CRC. */
  sha256: Uint8Array;
}

/** What a new firmware consists of, `POST /u` at the device, which then starts anew with it. */
export interface FirmwareManifest {
  version: string;
  files: FirmwareFile[];
}

const SHA256_BYTES = 32;

/** Writes a piece of a file. */
export function encodeFirmwarePart({ at, total, bytes }: FirmwarePart): Uint8Array {
  return new CborWriter(bytes.length + 16).array(3).integer(at).integer(total).byteString(bytes).written();
}

/** @throws WireFault */
export function decodeFirmwarePart(payload: Uint8Array): FirmwarePart {
  const reader = new CborReader(payload);
  reader.arrayOf(3);
  const at = reader.unsigned();
  const total = reader.unsigned();
  const bytes = reader.byteString();
  reader.end();
  return { at, total, bytes };
}

/** Writes what a firmware consists of. */
export function encodeFirmwareManifest({ version, files }: FirmwareManifest): Uint8Array {
  const writer = new CborWriter(64);
  writer.array(2).text(version).array(files.length);
  for (let i = 0; i < files.length; i++) {
    const { name, bytes, crc32, sha256 } = files[i] as FirmwareFile;
    writer.array(4).text(name).integer(bytes).integer(crc32).byteString(sha256);
  }
  return writer.written();
}

/** @throws WireFault */
export function decodeFirmwareManifest(payload: Uint8Array): FirmwareManifest {
  const reader = new CborReader(payload);
  reader.arrayOf(2);
  const version = reader.text();
  const files: FirmwareFile[] = [];
  for (let left = reader.array(); left > 0; left--) {
    reader.arrayOf(4);
    const name = reader.text();
    const bytes = reader.unsigned();
    const crc32 = reader.unsigned32();
    files.push({ name, bytes, crc32, sha256: reader.bytesOf(SHA256_BYTES) });
  }
  reader.end();
  return { version, files };
}

/** Writes the firmware of a device as a part of its registration. */
export function writeRunningFirmware(writer: CborWriter, { version, state }: RunningFirmware): void {
  writer.array(2).text(version).integer(state);
}

/** Reads what {@link writeRunningFirmware} writes. @throws WireFault */
export function readRunningFirmware(reader: CborReader): RunningFirmware {
  reader.arrayOf(2);
  const version = reader.text();
  return { version, state: reader.unsigned() };
}
