import { EdgelessError } from "../../core/errors.js";

/** What the header of an application or bootloader image says (ESP-IDF, "App Image Format"). */
export interface EspImage {
  readonly chipId: number;
  readonly segments: number;
}

const MAGIC = 0xe9;
const HEADER_BYTES = 24;
const SEGMENT_HEADER_BYTES = 8;
const MOST_SEGMENTS = 16;
const CHECKSUM_SEED = 0xef;

/** True when the bytes begin like an application or a bootloader. */
export function looksLikeEspImage(bytes: Uint8Array): boolean {
  return bytes[0] === MAGIC;
}

/** True when the bytes begin like a partition table. */
export function looksLikePartitionTable(bytes: Uint8Array): boolean {
  return bytes[0] === 0xaa && bytes[1] === 0x50;
}

/**
 * Reads the header of an image and checks that all its segments are there and unharmed.
 * @param name names the file in an error
 * @throws EdgelessError EDGELESS_BAD_FIRMWARE
 */
export function readEspImage(bytes: Uint8Array, name: string): EspImage {
  const fail = (why: string) => new EdgelessError("EDGELESS_BAD_FIRMWARE", `${name}: ${why}`);
  if (!looksLikeEspImage(bytes)) throw fail("not an image for an ESP32");
  if (bytes.length < HEADER_BYTES) throw fail(`cut off: ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const segments = view.getUint8(1);
  if (segments === 0 || segments > MOST_SEGMENTS) throw fail(`has ${segments} segments`);
  let at = HEADER_BYTES;
  let checksum = CHECKSUM_SEED;
  for (let i = 0; i < segments; i++) {
    if (at + SEGMENT_HEADER_BYTES > bytes.length) throw fail(`cut off: ${bytes.length} bytes`);
    const length = view.getUint32(at + 4, true);
    at += SEGMENT_HEADER_BYTES;
    if (length > bytes.length - at) throw fail(`cut off: ${bytes.length} bytes`);
    for (const end = at + length; at < end; at++) checksum ^= view.getUint8(at);
  }
  // The checksum is the last byte of a block of 16.
  const checksumAt = at + 15 - (at % 16);
  if (checksumAt >= bytes.length) throw fail(`cut off: ${bytes.length} bytes`);
  if (view.getUint8(checksumAt) !== checksum) throw fail("damaged: its checksum is wrong");
  return { chipId: view.getUint16(12, true), segments };
}
