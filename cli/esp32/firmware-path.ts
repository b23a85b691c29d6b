import { existsSync } from "node:fs";
import { EdgelessError } from "../../core/errors.js";
import { CHIP_FAMILIES, type ChipFamily } from "../../esp32/tools/chip-family.js";
import { fetchFirmware } from "../../esp32/tools/fetch-firmware.js";
import { readFirmwareImages } from "../../esp32/tools/firmware-images.js";
import type { Output } from "../output.js";

/**
 * Refuses what is no firmware for any chip before a board is disturbed.
 * @throws EdgelessError EDGELESS_FILE_UNREADABLE, EDGELESS_BAD_FIRMWARE
 */
export function checkFirmware(firmware: string): void {
  if (isRelease(firmware)) return;
  checkPresence(firmware);
  const faults = CHIP_FAMILIES.map((family) => {
    try {
      readFirmwareImages(firmware, family);
      return undefined;
    } catch (error) {
      return error;
    }
  });
  if (!faults.includes(undefined)) throw faults[0];
}

function checkPresence(firmware: string): void {
  if (!existsSync(firmware))
    throw new EdgelessError("EDGELESS_FILE_UNREADABLE", `no such file or folder: ${firmware}`);
}

/**
 * The place of a firmware: as given, or that of a release that was fetched or is fetched now.
 * @throws EdgelessError EDGELESS_FILE_UNREADABLE, and those of the download
 */
export async function firmwarePath(
  firmware: string,
  family: ChipFamily,
  output: Output,
  folder: string,
): Promise<string> {
  if (!isRelease(firmware)) {
    checkPresence(firmware);
    return firmware;
  }
  const fetched = await fetchFirmware({ release: firmware, family }, folder, () => {});
  if (!fetched.wasCached) output.note(`fetched Espruino ${firmware} for ${family.name}`);
  return fetched.path;
}

/** True for the name of a release, as in `2v29`. */
export function isRelease(text: string): boolean {
  return /^\d+v\d+(\.\d+)?$/.test(text);
}
