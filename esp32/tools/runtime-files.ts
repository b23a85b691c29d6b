import { readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { z } from "zod";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { plainReason } from "../../platform/read-file.js";
import { type BoardSettings, SETTINGS_FILE } from "../board-settings.js";
import type { StorageFile } from "./board-storage.js";

/** Name of the file that a board runs at start; without it a board is a plain interpreter. */
export const BOOT_FILE = ".boot0";

const manifestSchema = z.object({
  version: z.string(),
  files: z.array(
    z.object({
      name: z.string().regex(/^(\.boot0|edgeless[\w.-]*)$/, "a name of the device runtime"),
      file: z.string().regex(/^[\w.-]+$/, "a file in the same folder"),
      bytes: z.int().nonnegative(),
      crc32: z.number(),
    }),
  ),
});

/** The device runtime as the build left it. */
export interface RuntimeFiles {
  readonly version: string;
  readonly files: readonly StorageFile[];
}

/**
 * Reads the device runtime from a folder with a `firmware.json`, and checks that it is whole.
 * @throws EdgelessError EDGELESS_FILE_UNREADABLE, EDGELESS_BAD_FIRMWARE
 */
export function readRuntimeFiles(folder: string): RuntimeFiles {
  const path = join(folder, "firmware.json");
  const manifest = parseManifest(read(path).toString("utf8"), path);
  const files = manifest.files.map(({ name, file, bytes, crc32: sum }) => {
    const content = read(join(folder, file));
    if (content.length !== bytes || crc32(content) !== sum >>> 0)
      throw new EdgelessError(
        "EDGELESS_BAD_FIRMWARE",
        `${join(folder, file)} is not what ${path} says: build again`,
      );
    return { name, bytes: content };
  });
  if (!files.some(({ name }) => name === BOOT_FILE))
    throw new EdgelessError("EDGELESS_BAD_FIRMWARE", `${path} has no ${BOOT_FILE}`);
  return { version: manifest.version, files };
}

/** What a board's storage holds: the files of the runtime, then the settings, then the file that starts it all. */
export function boardFiles(runtime: RuntimeFiles, settings: BoardSettings): readonly StorageFile[] {
  const boot = runtime.files.filter(({ name }) => name === BOOT_FILE);
  const rest = runtime.files.filter(({ name }) => name !== BOOT_FILE);
  return [...rest, { name: SETTINGS_FILE, bytes: Buffer.from(JSON.stringify(settings)) }, ...boot];
}

function parseManifest(text: string, path: string): z.infer<typeof manifestSchema> {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw new EdgelessError("EDGELESS_BAD_FIRMWARE", `${path}: not JSON: ${reasonOf(error)}`, error);
  }
  const parsed = manifestSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw new EdgelessError("EDGELESS_BAD_FIRMWARE", `${path}: ${z.prettifyError(parsed.error)}`, parsed.error);
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new EdgelessError("EDGELESS_FILE_UNREADABLE", `cannot read ${path}: ${plainReason(error)}`, error);
  }
}
