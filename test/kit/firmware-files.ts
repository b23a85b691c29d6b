import { randomBytes } from "node:crypto";
import { deflateRawSync, gzipSync } from "node:zlib";
import type { ArchiveFile } from "../../esp32/tools/archive.js";
import type { ChipFamily } from "../../esp32/tools/chip-family.js";

/** An image that a bootloader would accept, with one segment of `content`. */
export function espImage(chipId: number, content: Uint8Array): Buffer {
  const header = Buffer.alloc(24);
  header.set([0xe9, 1, 2, 0x20]);
  header.writeUInt16LE(chipId, 12);
  const segment = Buffer.alloc(8);
  segment.writeUInt32LE(0x400d0000, 0);
  segment.writeUInt32LE(content.length, 4);
  const body = Buffer.concat([header, segment, content]);
  const image = Buffer.alloc(body.length + 16 - (body.length % 16));
  body.copy(image);
  let sum = 0xef;
  for (const byte of content) sum ^= byte;
  image[image.length - 1] = sum;
  return image;
}

/** The partition table of Espruino for boards with 4 MB. */
export function partitionTable(): Buffer {
  const entries: [string, number, number, number, number][] = [
    ["nvs", 1, 2, 0x9000, 0x3000],
    ["otadata", 1, 0, 0xc000, 0x2000],
    ["free", 1, 0x40, 0xe000, 0x2000],
    ["factory", 0, 0, 0x10000, 0x180000],
    ["ota_0", 0, 0x10, 0x190000, 0x180000],
    ["flash", 1, 0x40, 0x310000, 0x10000],
    ["storage", 1, 0x41, 0x320000, 0xe0000],
  ];
  const table = Buffer.alloc(3072, 0xff);
  for (const [i, [name, type, subtype, address, size]] of entries.entries()) {
    const at = i * 32;
    table.fill(0, at, at + 32);
    table.set([0xaa, 0x50, type, subtype], at);
    table.writeUInt32LE(address, at + 4);
    table.writeUInt32LE(size, at + 8);
    table.write(name, at + 12, "latin1");
  }
  return table;
}

/** Files like those of a release: half of the application does not compress. */
export function firmwareFiles(
  { fileName, imageChipId }: ChipFamily,
  applicationBytes = 60_000,
): ArchiveFile[] {
  const content = Buffer.concat([randomBytes(applicationBytes / 2), Buffer.alloc(applicationBytes / 2, 7)]);
  return [
    { name: "bootloader.bin", bytes: espImage(imageChipId, randomBytes(5_003)) },
    { name: "partitions_espruino.bin", bytes: partitionTable() },
    { name: `espruino_${fileName}.bin`, bytes: espImage(imageChipId, content) },
    { name: "README.txt", bytes: Buffer.from("not for the board") },
  ];
}

/** A compressed tar archive of files. */
export function tgz(files: readonly ArchiveFile[], prefix = ""): Buffer {
  const blocks = files.flatMap(({ name, bytes }) => {
    const header = Buffer.alloc(512);
    header.write(prefix + name, 0);
    header.write("0000644\0", 100);
    header.write(`${bytes.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("        0", 148);
    header.write("ustar\x0000", 257);
    let sum = 0;
    for (const byte of header) sum += byte;
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

/** A ZIP archive of files, every other one stored as it is. */
export function zip(files: readonly ArchiveFile[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [i, { name, bytes }] of files.entries()) {
    const isDeflated = i % 2 === 0;
    const data = isDeflated ? deflateRawSync(bytes) : Buffer.from(bytes);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(isDeflated ? 8 : 0, 8);
    local.writeUInt32LE(data.length, 18);
    local.writeUInt32LE(bytes.length, 22);
    local.writeUInt16LE(Buffer.byteLength(name), 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(isDeflated ? 8 : 0, 10);
    entry.writeUInt32LE(data.length, 20);
    entry.writeUInt32LE(bytes.length, 24);
    entry.writeUInt16LE(Buffer.byteLength(name), 28);
    entry.writeUInt32LE(at, 42);
    parts.push(local, Buffer.from(name), data);
    directory.push(entry, Buffer.from(name));
    at += 30 + Buffer.byteLength(name) + data.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, central, end]);
}
