import { CborReader } from "../cbor/cbor-reader.js";
import { CborWriter } from "../cbor/cbor-writer.js";

/** Bytes of the digest of an image: the first of its SHA-256. */
export const DIGEST_BYTES = 8;

/** Writes the digests of the images that a device holds, the answer to `GET /i` at a device. */
export function encodeDigests(digests: readonly Uint8Array[]): Uint8Array {
  const writer = new CborWriter(1 + 9 * digests.length);
  writeDigests(writer, digests);
  return writer.written();
}

/** @throws WireFault */
export function decodeDigests(bytes: Uint8Array): Uint8Array[] {
  const reader = new CborReader(bytes);
  const digests = readDigests(reader);
  reader.end();
  return digests;
}

/** Writes digests as an array. */
export function writeDigests(writer: CborWriter, digests: readonly Uint8Array[]): void {
  writer.array(digests.length);
  for (let i = 0; i < digests.length; i++) writer.byteString(digests[i] as Uint8Array);
}

/** @throws WireFault also when a digest has another length */
export function readDigests(reader: CborReader): Uint8Array[] {
  const digests: Uint8Array[] = [];
  for (let left = reader.array(); left > 0; left--) digests.push(reader.bytesOf(DIGEST_BYTES));
  return digests;
}
