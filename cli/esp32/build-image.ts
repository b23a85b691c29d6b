import { closeSync, openSync } from "node:fs";
import { EdgelessError } from "../../core/errors.js";
import { BOARD_PROFILES } from "../../esp32/board-profile.js";
import type { Interpreter } from "../../esp32/tools/board-console.js";
import {
  type ChipFamily,
  chipFamily,
  FLASH_NEEDED,
  PARTITION_TABLE_OFFSET,
} from "../../esp32/tools/chip-family.js";
import type { FlashImage } from "../../esp32/tools/flash-image.js";
import { readPartitionTable, storagePartition } from "../../esp32/tools/partition-table.js";
import { boardFiles, readRuntimeFiles } from "../../esp32/tools/runtime-files.js";
import { storageImage } from "../../esp32/tools/storage-image.js";
import { mergeImages } from "../../esp32/tools/whole-flash.js";
import { writeFileAtomically } from "../../platform/atomic-file.js";
import { plainReason } from "../../platform/read-file.js";
import type { Output } from "../output.js";
import { imagesFor, readNamedFirmware } from "./firmware-path.js";
import { chooseSettings, type SettingsOptions } from "./provision-settings.js";
import { runtimeFolder } from "./runtime-folder.js";
import { settingsSources } from "./settings-sources.js";

export interface ImageOptions extends SettingsOptions {
  /** Folder, archive, or release. */
  readonly firmware: string;
  readonly output: string;
  readonly chip: string;
  /** As in `4MB`. */
  readonly size: string;
  readonly runtime?: string;
  readonly json?: boolean;
}

/** Sizes of flash that chips and emulators have, megabytes. */
const SIZES = [4, 8, 16, 32];

/**
 * Writes a file with the content of a whole flash: Espruino, and the device runtime with its settings when any are given.
 * @throws EdgelessError when an option is wrong or a file cannot be read or written
 */
export async function buildImage(options: ImageOptions, output: Output, folder: string): Promise<void> {
  const family = chipFamily(options.chip);
  const size = sizeOf(options.size);
  const read = readNamedFirmware(options.firmware);
  const images = await imagesFor(options.firmware, read, family, output, folder);
  const provisioned = await provisionedStorage(options, family, images, output);
  const flash = mergeImages(provisioned === undefined ? images : [...images, provisioned.image], size);
  write(options.output, flash);
  const { name, node } = provisioned?.settings ?? {};
  output.result(
    `${options.output}: ${options.size} of flash for ${family.name} with Espruino${name === undefined ? "" : `, runtime and settings of board ${name} (node ${node})`}`,
    {
      file: options.output,
      bytes: flash.length,
      chip: family.name,
      ...(name === undefined ? {} : { name, node }),
    },
  );
}

/** The storage of a board that is provisioned already; undefined when nothing was said of its settings. */
async function provisionedStorage(
  options: ImageOptions,
  family: ChipFamily,
  images: readonly FlashImage[],
  output: Output,
) {
  const { firmware: _firmware, output: _output, chip: _chip, size: _size, json: _json, ...said } = options;
  if (Object.values(said).every((value) => value === undefined)) return undefined;
  const settings = await chooseSettings(options, interpreterFor(family), undefined, settingsSources(output));
  const runtime = readRuntimeFiles(options.runtime ?? runtimeFolder());
  const table = images.find(({ address }) => address === PARTITION_TABLE_OFFSET)?.bytes ?? new Uint8Array(0);
  const { address, size } = storagePartition(readPartitionTable(table, options.firmware), options.firmware);
  const bytes = storageImage(boardFiles(runtime, settings), size);
  return { settings, image: { name: "storage", address, bytes } };
}

/** The interpreter that will run, as far as settings depend on it. */
function interpreterFor({ fileName }: ChipFamily): Interpreter {
  const board = Object.values(BOARD_PROFILES).find(({ firmware }) => firmware.toLowerCase() === fileName);
  return { version: "", board: board?.firmware ?? "" };
}

function sizeOf(text: string): number {
  const megabytes = Number(/^(\d+)MB$/i.exec(text)?.[1] ?? 0);
  if (SIZES.includes(megabytes)) return (megabytes * FLASH_NEEDED) / 4;
  const known = SIZES.map((size) => `${size}MB`).join(", ");
  throw new EdgelessError("EDGELESS_USAGE", `--size takes one of ${known}, not "${text}"`);
}

/** For the owner alone: there may be passwords in it. */
function write(path: string, content: Uint8Array): void {
  const temporary = `${path}.new`;
  try {
    closeSync(openSync(temporary, "w", 0o600));
    writeFileAtomically(path, content, temporary);
  } catch (error) {
    throw new EdgelessError("EDGELESS_FILE_UNREADABLE", `cannot write ${path}: ${plainReason(error)}`, error);
  }
}
