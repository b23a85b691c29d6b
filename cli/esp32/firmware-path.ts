import { existsSync } from "node:fs";
import { EdgelessError } from "../../core/errors.js";
import type { ChipFamily } from "../../esp32/tools/chip-family.js";
import { fetchFirmware } from "../../esp32/tools/fetch-firmware.js";
import type { Output } from "../output.js";

/** Refuses early what is neither a release nor there. @throws EdgelessError EDGELESS_FILE_UNREADABLE */
export function checkFirmware(firmware: string): void {
  if (!isRelease(firmware) && !existsSync(firmware))
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
  checkFirmware(firmware);
  if (!isRelease(firmware)) return firmware;
  const fetched = await fetchFirmware({ release: firmware, family }, folder, () => {});
  if (!fetched.wasCached) output.note(`fetched Espruino ${firmware} for ${family.name}`);
  return fetched.path;
}

function isRelease(text: string): boolean {
  return /^\d+v\d+(\.\d+)?$/.test(text);
}
