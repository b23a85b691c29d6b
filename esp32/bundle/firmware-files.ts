import { readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { FIRMWARE_LIST } from "../../embedded/firmware-slot.js";
import { bundleBoot } from "./bundle-boot.js";
import { bundleFirmware } from "./bundle-firmware.js";

/** A file of the flash storage of a board. */
export interface FirmwareFile {
  /** Name on the board. */
  readonly name: string;
  /** Name in the folder of the firmware. */
  readonly file: string;
  readonly content: Buffer;
}

/** What stands in `firmware.json` beside the files. */
export interface FirmwareManifest {
  /** Version of the project, and after a plus sign a checksum of the runtime. */
  readonly version: string;
  readonly files: readonly {
    readonly name: string;
    readonly file: string;
    readonly bytes: number;
    readonly crc32: number;
  }[];
}

/**
 * The resident script and the functions that stay in flash; `.boot0` puts the latter into `T` and evaluates the former. The list says
 * what belongs together.
 */
export const RESIDENT = "edgeless";
export const COLD = "edgeless.cold";
export const BOOT = ".boot0";

/** All files of a board but its settings. */
export async function firmwareFiles(root: string): Promise<FirmwareFile[]> {
  const { split } = await bundleFirmware(root);
  const texts: [string, string][] = [
    [COLD, split.cold],
    [RESIDENT, split.resident],
  ];
  texts.push([FIRMWARE_LIST, listText(versionOf(root, texts), texts)], [BOOT, await bundleBoot(root)]);
  return texts.map(([name, text]) => ({
    name,
    file: `${name.replace(/^\./, "")}.js`,
    content: Buffer.from(text, "latin1"),
  }));
}

/** What `firmware.json` says of these files. */
export function firmwareManifest(files: readonly FirmwareFile[]): FirmwareManifest {
  const list = files.find(({ name }) => name === FIRMWARE_LIST)?.content.toString("latin1") ?? '[""]';
  const [version] = JSON.parse(list) as [string];
  return {
    version,
    files: files.map(({ name, file, content }) => ({
      name,
      file,
      bytes: content.length,
      crc32: crc32(content),
    })),
  };
}

function versionOf(root: string, texts: readonly (readonly [string, string])[]): string {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const whole = texts.reduce((sum, [, text]) => crc32(Buffer.from(text, "latin1"), sum), 0);
  return `${version}+${whole.toString(16).padStart(8, "0")}`;
}

/** The list of files as the boot script reads it. */
function listText(version: string, texts: readonly (readonly [string, string])[]): string {
  const files = texts.map(([name, text]) => [name, text.length, crc32(Buffer.from(text, "latin1"))]);
  return JSON.stringify([version, files]);
}
