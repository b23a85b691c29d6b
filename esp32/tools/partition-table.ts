import { EdgelessError } from "../../core/errors.js";

/** A part of the flash (ESP-IDF, "Partition Tables"). */
export interface Partition {
  readonly name: string;
  /** 0 for programs, 1 for data. */
  readonly type: number;
  readonly subtype: number;
  readonly address: number;
  /** Bytes. */
  readonly size: number;
}

const ENTRY_BYTES = 32;
/** How an entry begins; anything else ends the table. */
const MAGIC = 0x50aa;
const DATA = 1;
/** Subtype that Espruino gives the files of its interpreter. */
const ESPRUINO_FILES = 0x41;

/**
 * Reads a partition table.
 * @param from names it in an error
 * @throws EdgelessError EDGELESS_BAD_FIRMWARE
 */
export function readPartitionTable(bytes: Uint8Array, from: string): readonly Partition[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const partitions: Partition[] = [];
  for (
    let at = 0;
    at + ENTRY_BYTES <= bytes.length && view.getUint16(at, true) === MAGIC;
    at += ENTRY_BYTES
  ) {
    const label = Buffer.from(bytes.subarray(at + 12, at + 28)).toString("latin1");
    partitions.push({
      name: label.replace(/\0.*$/s, ""),
      type: view.getUint8(at + 2),
      subtype: view.getUint8(at + 3),
      address: view.getUint32(at + 4, true),
      size: view.getUint32(at + 8, true),
    });
  }
  if (partitions.length > 0) return partitions;
  throw new EdgelessError("EDGELESS_BAD_FIRMWARE", `${from}: the partition table is empty`);
}

/**
 * Where Espruino keeps files: by its own kind of partition, in newer builds by name.
 * @throws EdgelessError EDGELESS_BAD_FIRMWARE when there is none
 */
export function storagePartition(partitions: readonly Partition[], from: string): Partition {
  const data = partitions.filter(({ type }) => type === DATA);
  const found =
    data.find(({ subtype }) => subtype === ESPRUINO_FILES) ?? data.find(({ name }) => name === "storage");
  if (found !== undefined) return found;
  throw new EdgelessError("EDGELESS_BAD_FIRMWARE", `${from}: no partition for the files of Espruino`);
}
