import { readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
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
  /** Version of the project, and after a plus sign a checksum of all files. */
  readonly version: string;
  readonly files: readonly {
    readonly name: string;
    readonly file: string;
    readonly bytes: number;
    readonly crc32: number;
  }[];
}

/** The resident script and the functions that stay in flash; `.boot0` puts the latter into `T` and evaluates the former. */
export const RESIDENT = "edgeless";
export const COLD = "edgeless.cold";
const BOOT = ".boot0";

/** Starts the runtime when the interpreter starts. */
const PLAIN_BOOT = `var T=require("Storage").read("${COLD}");
eval(require("Storage").read("${RESIDENT}"));
`;

/** All files of a board but its settings. */
export async function firmwareFiles(root: string): Promise<FirmwareFile[]> {
  const { split } = await bundleFirmware(root);
  const texts: [string, string][] = [
    [COLD, split.cold],
    [RESIDENT, split.resident],
    [BOOT, PLAIN_BOOT],
  ];
  return texts.map(([name, text]) => ({
    name,
    file: `${name.replace(/^\./, "")}.js`,
    content: Buffer.from(text, "latin1"),
  }));
}

/** What `firmware.json` says of these files. */
export function firmwareManifest(root: string, files: readonly FirmwareFile[]): FirmwareManifest {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const whole = files.reduce((sum, { content }) => crc32(content, sum), 0);
  return {
    version: `${version}+${whole.toString(16).padStart(8, "0")}`,
    files: files.map(({ name, file, content }) => ({
      name,
      file,
      bytes: content.length,
      crc32: crc32(content),
    })),
  };
}
