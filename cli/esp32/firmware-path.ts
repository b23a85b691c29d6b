import { existsSync } from "node:fs";
import { EdgelessError } from "../../core/errors.js";
import { CHIP_FAMILIES, type ChipFamily } from "../../esp32/tools/chip-family.js";
import { fetchFirmware } from "../../esp32/tools/fetch-firmware.js";
import { type Firmware, readFirmware } from "../../esp32/tools/firmware-images.js";
import type { FlashImage } from "../../esp32/tools/flash-image.js";
import type { Output } from "../output.js";

/**
 * Reads a firmware, and refuses what is none for any chip: so before a board is disturbed.
 * @returns undefined for a release, of which the archive depends on the chip
 * @throws EdgelessError EDGELESS_FILE_UNREADABLE, EDGELESS_BAD_FIRMWARE
 */
export function readNamedFirmware(firmware: string): Firmware | undefined {
  if (isRelease(firmware)) return undefined;
  if (!existsSync(firmware))
    throw new EdgelessError(
      "EDGELESS_FILE_UNREADABLE",
      `no such file or folder: ${firmware}; nor is that a release, such as 2v29`,
    );
  const read = readFirmware(firmware);
  const faults: unknown[] = [];
  for (const family of CHIP_FAMILIES) {
    try {
      read.imagesFor(family);
      return read;
    } catch (error) {
      faults.push(error);
    }
  }
  throw faults[0];
}

/**
 * The images of a firmware for a chip: of one that was read, or of a release that was fetched or is fetched now.
 * @param read undefined for a release
 * @throws EdgelessError EDGELESS_FILE_UNREADABLE, EDGELESS_BAD_FIRMWARE, and those of the download
 */
export async function imagesFor(
  firmware: string,
  read: Firmware | undefined,
  family: ChipFamily,
  output: Output,
  folder: string,
): Promise<readonly FlashImage[]> {
  if (read !== undefined) return read.imagesFor(family);
  const fetched = await fetchFirmware({ release: firmware, family }, folder, () => {});
  if (!fetched.wasCached) output.note(`fetched Espruino ${firmware} for ${family.name}`);
  return readFirmware(fetched.path).imagesFor(family);
}

/** True for the name of a release, as in `2v29`. */
export function isRelease(text: string): boolean {
  return /^\d+v\d+(\.\d+)?$/.test(text);
}
