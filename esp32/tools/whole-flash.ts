import { EdgelessError } from "../../core/errors.js";
import {
  APPLICATION_OFFSET,
  CHIP_FAMILIES,
  type ChipFamily,
  FLASH_NEEDED,
  PARTITION_TABLE_OFFSET,
} from "./chip-family.js";
import { looksLikeEspImage, looksLikePartitionTable, readEspImage } from "./esp-image.js";
import type { FlashImage } from "./flash-image.js";
import { type Partition, readPartitionTable } from "./partition-table.js";

/** What a flash holds where nothing was written. */
const ERASED = 0xff;
const TABLE_BYTES = 0x1000;
const PROGRAM = 0;

/**
 * The content of a whole flash with these images in their places.
 * @param size of the flash, bytes
 * @throws EdgelessError EDGELESS_BAD_FIRMWARE when an image reaches beyond it
 */
export function mergeImages(images: readonly FlashImage[], size: number): Buffer {
  const flash = Buffer.alloc(size, ERASED);
  for (const { name, address, bytes } of images) {
    if (address + bytes.length > size)
      throw new EdgelessError("EDGELESS_BAD_FIRMWARE", `${name} does not fit into ${size} bytes of flash`);
    flash.set(bytes, address);
  }
  return flash;
}

/** True for the name of a file that may hold the content of a whole flash. */
export function isWholeFlash(name: string): boolean {
  return /\.bin$/i.test(name);
}

/**
 * The images in the content of a whole flash: what has to be written so that a chip of this family works with it. Partitions in which
 * nothing is written are left out, so that what a board has there stays.
 * @param from names the file in an error
 * @throws EdgelessError EDGELESS_BAD_FIRMWARE
 */
export function splitFlash(flash: Uint8Array, family: ChipFamily, from: string): readonly FlashImage[] {
  const fail = (why: string) => new EdgelessError("EDGELESS_BAD_FIRMWARE", `${from}: ${why}`);
  const table = flash.subarray(PARTITION_TABLE_OFFSET, PARTITION_TABLE_OFFSET + TABLE_BYTES);
  if (flash.length < FLASH_NEEDED || !looksLikePartitionTable(table))
    throw fail("not the content of a whole flash; name the folder or the archive of a release");
  const partitions = readPartitionTable(table, from);
  const application = partitions.find(
    ({ type, address }) => type === PROGRAM && address === APPLICATION_OFFSET,
  );
  if (application === undefined) throw fail("without an application");
  for (const [name, address, end] of [
    ["bootloader", family.bootloaderOffset, PARTITION_TABLE_OFFSET],
    ["application", APPLICATION_OFFSET, APPLICATION_OFFSET + application.size],
  ] as const) {
    const part = flash.subarray(address, end);
    if (!looksLikeEspImage(part)) throw fail(`without a ${name} for ${family.name}`);
    const { chipId } = readEspImage(part, `${from}: ${name}`);
    if (chipId !== family.imageChipId) {
      const other = CHIP_FAMILIES.find((candidate) => candidate.imageChipId === chipId);
      throw fail(`made for ${other?.name ?? `chip ${chipId}`}, not for ${family.name}`);
    }
  }
  return [
    part(flash, "bootloader", family.bootloaderOffset, PARTITION_TABLE_OFFSET),
    part(flash, "partition table", PARTITION_TABLE_OFFSET, PARTITION_TABLE_OFFSET + TABLE_BYTES),
    ...partitions.flatMap((partition) => partitionImage(flash, partition, from)),
  ];
}

/** Data are written as a whole, so that nothing older stays behind them. */
function partitionImage(flash: Uint8Array, partition: Partition, from: string): readonly FlashImage[] {
  const { name, type, address, size } = partition;
  if (address + size > flash.length)
    throw new EdgelessError("EDGELESS_BAD_FIRMWARE", `${from}: cut off: ${flash.length} bytes`);
  const whole = flash.subarray(address, address + size);
  if (whole.every((byte) => byte === ERASED)) return [];
  return type === PROGRAM ? [part(flash, name, address, address + size)] : [{ name, address, bytes: whole }];
}

/** A part of a flash without what is not written at its end. */
function part(flash: Uint8Array, name: string, from: number, to: number): FlashImage {
  let end = to;
  while (end > from && flash[end - 1] === ERASED) end--;
  return { name, address: from, bytes: flash.subarray(from, end) };
}
