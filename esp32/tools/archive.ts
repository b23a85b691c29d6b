import { gunzipSync, inflateRawSync } from "node:zlib";
import { EdgelessError, reasonOf } from "../../core/errors.js";

/** A file, from a folder or from an archive. */
export interface ArchiveFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Most that an archive may unpack to, bytes; a release for all boards has about 60 MB. */
const MOST_BYTES = 256 * 1024 * 1024;
const MOST_FILES = 10_000;
const TAR_BLOCK = 512;
const ZIP_END_BYTES = 22;
const ZIP_ENTRY_BYTES = 46;
const ZIP_LOCAL_BYTES = 30;

/** True when a file name promises an archive that {@link readArchive} reads. */
export function isArchive(name: string): boolean {
  return /\.(zip|tgz|tar\.gz|tar)$/i.test(name);
}

/**
 * The files of a ZIP or (compressed) tar archive.
 * @param name names the archive in an error
 * @throws EdgelessError EDGELESS_BAD_FIRMWARE when it is damaged or absurdly large
 */
export function readArchive(bytes: Uint8Array, name: string): readonly ArchiveFile[] {
  try {
    if (bytes[0] === 0x50 && bytes[1] === 0x4b) return readZip(bytes);
    if (bytes[0] === 0x1f && bytes[1] === 0x8b)
      return readTar(gunzipSync(bytes, { maxOutputLength: MOST_BYTES }));
    return readTar(bytes);
  } catch (error) {
    throw new EdgelessError("EDGELESS_BAD_FIRMWARE", `${name}: damaged archive: ${reasonOf(error)}`, error);
  }
}

/** A tar archive of files with names of at most 99 characters (POSIX.1-1988, ustar), the same for the same files. */
export function writeTar(files: readonly ArchiveFile[]): Buffer {
  const blocks = files.flatMap(({ name, bytes }) => {
    const header = Buffer.alloc(TAR_BLOCK);
    header.write(name, 0, 99, "utf8");
    header.write(`0000644\0${"0000000\0".repeat(2)}`, 100, "latin1");
    header.write(`${bytes.length.toString(8).padStart(11, "0")}\0${"0".repeat(11)}\0`, 124, "latin1");
    header.write("        0", 148, "latin1");
    header.write("ustar\0" + "00", 257, "latin1");
    const sum = header.reduce((all, byte) => all + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    return [header, bytes, Buffer.alloc(-bytes.length & (TAR_BLOCK - 1))];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * TAR_BLOCK)]);
}

/** Reads a tar archive (POSIX.1-1988, and long names as ustar prefixes). */
function readTar(bytes: Uint8Array): ArchiveFile[] {
  const files: ArchiveFile[] = [];
  let at = 0;
  while (at + TAR_BLOCK <= bytes.length) {
    const header = bytes.subarray(at, at + TAR_BLOCK);
    if (header.every((byte) => byte === 0)) return files;
    checkTarHeader(header);
    const size = octal(header.subarray(124, 136));
    at += TAR_BLOCK;
    if (size > bytes.length - at) throw new Error("it is cut off");
    const type = String.fromCharCode(header[156] ?? 0);
    const prefix = text(header.subarray(345, 500));
    const name = text(header.subarray(0, 100));
    if (type === "0" || type === "\0")
      files.push({ name: prefix === "" ? name : `${prefix}/${name}`, bytes: bytes.subarray(at, at + size) });
    if (files.length > MOST_FILES) throw new Error("it has too many files");
    at += Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
  }
  if (files.length === 0) throw new Error("it is no archive");
  return files;
}

/** The checksum of a header counts its own field as spaces. */
function checkTarHeader(header: Uint8Array): void {
  let sum = 0;
  for (const [i, byte] of header.entries()) sum += i >= 148 && i < 156 ? 0x20 : byte;
  if (sum !== octal(header.subarray(148, 156))) throw new Error("a header is wrong");
}

function octal(field: Uint8Array): number {
  const digits = text(field).trim();
  if (!/^[0-7]+$/.test(digits)) throw new Error("a header is wrong");
  return Number.parseInt(digits, 8);
}

function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString("utf8");
}

/** Reads a ZIP archive through its central directory (PKWARE APPNOTE 4.3; stored or deflated, no ZIP64, no passwords). */
function readZip(bytes: Uint8Array): ArchiveFile[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.length - ZIP_END_BYTES;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) throw new Error("its directory is missing");
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  let total = 0;
  const files: ArchiveFile[] = [];
  for (let i = 0; i < count; i++) {
    if (at + ZIP_ENTRY_BYTES > bytes.length || view.getUint32(at, true) !== 0x02014b50)
      throw new Error("its directory is wrong");
    const nameBytes = view.getUint16(at + 28, true);
    const name = Buffer.from(bytes.subarray(at + ZIP_ENTRY_BYTES, at + ZIP_ENTRY_BYTES + nameBytes)).toString(
      "utf8",
    );
    const size = view.getUint32(at + 24, true);
    total += size;
    if (total > MOST_BYTES || files.length > MOST_FILES) throw new Error("it is too large");
    if (!name.endsWith("/")) files.push({ name, bytes: zipEntry(bytes, view, at, size) });
    at += ZIP_ENTRY_BYTES + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return files;
}

function zipEntry(bytes: Uint8Array, view: DataView, at: number, size: number): Uint8Array {
  const method = view.getUint16(at + 10, true);
  const packed = view.getUint32(at + 20, true);
  const local = view.getUint32(at + 42, true);
  if (local + ZIP_LOCAL_BYTES > bytes.length || view.getUint32(local, true) !== 0x04034b50)
    throw new Error("an entry is wrong");
  const start = local + ZIP_LOCAL_BYTES + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  if (start + packed > bytes.length) throw new Error("it is cut off");
  const data = bytes.subarray(start, start + packed);
  if (method === 0) return data;
  if (method !== 8) throw new Error(`an entry is compressed in an unknown way (${method})`);
  const unpacked = size === 0 ? new Uint8Array(0) : inflateRawSync(data, { maxOutputLength: size });
  if (unpacked.length !== size) throw new Error("an entry has another size than its directory says");
  return unpacked;
}
