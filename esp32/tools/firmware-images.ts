import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { EdgelessError } from "../../core/errors.js";
import { plainReason } from "../../platform/read-file.js";
import { type ArchiveFile, isArchive, readArchive } from "./archive.js";
import {
  APPLICATION_OFFSET,
  CHIP_FAMILIES,
  type ChipFamily,
  FLASH_NEEDED,
  PARTITION_TABLE_OFFSET,
} from "./chip-family.js";
import { looksLikeEspImage, looksLikePartitionTable, readEspImage } from "./esp-image.js";
import type { FlashImage } from "./flash-image.js";
import { readPartitionTable } from "./partition-table.js";
import { isWholeFlash, splitFlash } from "./whole-flash.js";

/** A firmware that was read once: a folder, a ZIP or a (compressed) tar archive, or the content of a whole flash. */
export interface Firmware {
  /**
   * The images for one family of chips; an archive of a whole release holds one archive a chip.
   * @throws EdgelessError EDGELESS_BAD_FIRMWARE naming what is missing or damaged
   */
  imagesFor(family: ChipFamily): readonly FlashImage[];
}

/**
 * Reads a firmware from a folder or a file.
 * @throws EdgelessError EDGELESS_FILE_UNREADABLE, EDGELESS_BAD_FIRMWARE for a damaged archive
 */
export function readFirmware(path: string): Firmware {
  const files = filesOf(path);
  const [flash] = files.length === 1 && files[0]?.name === path ? files : [];
  return {
    imagesFor: (family) =>
      flash === undefined ? selectImages(files, family, path) : splitFlash(flash.bytes, family, path),
  };
}

/**
 * Chooses among files those that belong on a chip, by what they contain.
 * @param from names the place in an error
 * @throws EdgelessError EDGELESS_BAD_FIRMWARE
 */
export function selectImages(
  files: readonly ArchiveFile[],
  family: ChipFamily,
  from: string,
): readonly FlashImage[] {
  const inner = files.find(({ name }) => isArchive(name) && innerName(name) === family.fileName);
  if (inner !== undefined) return selectImages(readArchive(inner.bytes, inner.name), family, inner.name);
  const binaries = files.filter(({ name }) => name.endsWith(".bin") && !basename(name).startsWith("."));
  const others = new Set<string>();
  const image = (isBootloader: boolean) =>
    binaries.find(({ name, bytes }) => {
      if (!looksLikeEspImage(bytes) || /bootloader/i.test(basename(name)) !== isBootloader) return false;
      const { chipId } = readEspImage(bytes, name);
      if (chipId === family.imageChipId) return true;
      others.add(CHIP_FAMILIES.find((other) => other.imageChipId === chipId)?.name ?? `chip ${chipId}`);
      return false;
    });
  const bootloader = image(true);
  const application = image(false);
  const table = binaries.find(({ bytes }) => looksLikePartitionTable(bytes));
  const missing = [
    ...(bootloader === undefined ? ["a bootloader"] : []),
    ...(table === undefined ? ["a partition table"] : []),
    ...(application === undefined ? ["an application"] : []),
  ];
  if (bootloader === undefined || table === undefined || application === undefined) {
    const instead = others.size === 0 ? "" : `; what it holds is for ${[...others].join(" and ")}`;
    throw new EdgelessError(
      "EDGELESS_BAD_FIRMWARE",
      `${from}: without ${missing.join(" and ")} for ${family.name}${instead}`,
    );
  }
  const images = [
    { name: bootloader.name, address: family.bootloaderOffset, bytes: bootloader.bytes },
    { name: table.name, address: PARTITION_TABLE_OFFSET, bytes: table.bytes },
    { name: application.name, address: APPLICATION_OFFSET, bytes: application.bytes },
  ];
  checkLayout(images, table.bytes, from);
  return images;
}

/** Refuses images that would run into each other, or into what the partition table has behind the application. */
function checkLayout(images: readonly FlashImage[], table: Uint8Array, from: string): void {
  const partition = readPartitionTable(table, from).find(({ address }) => address === APPLICATION_OFFSET);
  const end = partition === undefined ? FLASH_NEEDED : partition.address + partition.size;
  for (const [i, { name, address, bytes }] of images.entries()) {
    const limit = images[i + 1]?.address ?? end;
    if (address + bytes.length > limit)
      throw new EdgelessError(
        "EDGELESS_BAD_FIRMWARE",
        `${from}: ${name} is too large: ${bytes.length} bytes`,
      );
  }
}

/** The chip in the name of an inner archive: espruino_2v29_esp32c3.tgz. */
function innerName(name: string): string {
  return /_(esp32[a-z0-9]*)(?:_[a-z0-9]+)*\.[a-z.]+$/i.exec(basename(name))?.[1]?.toLowerCase() ?? "";
}

function filesOf(path: string): readonly ArchiveFile[] {
  try {
    if (statSync(path).isDirectory())
      return readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isFile() && (entry.name.endsWith(".bin") || isArchive(entry.name)))
        .map(({ name }) => ({ name, bytes: readFileSync(join(path, name)) }));
    const bytes = readFileSync(path);
    return isWholeFlash(path) ? [{ name: path, bytes }] : readArchive(bytes, path);
  } catch (error) {
    if (error instanceof EdgelessError) throw error;
    throw new EdgelessError("EDGELESS_FILE_UNREADABLE", `cannot read ${path}: ${plainReason(error)}`, error);
  }
}
