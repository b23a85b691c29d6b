import { EdgelessError } from "../../core/errors.js";
import { chipFamily } from "../../esp32/tools/chip-family.js";
import { fetchFirmware } from "../../esp32/tools/fetch-firmware.js";
import type { Output } from "../output.js";
import { cacheFolder } from "./cache-folder.js";
import { isRelease } from "./firmware-path.js";
import { ProgressBar } from "./progress-bar.js";

export interface FetchOptions {
  readonly release: string;
  readonly chip: string;
  readonly url?: string;
  readonly from?: string;
  readonly sha256?: string;
  readonly folder?: string;
}

/** Downloads a release unless it is there, or takes a file for it, and prints where it is. @throws EdgelessError EDGELESS_USAGE, and those of the download */
export async function fetchRelease(options: FetchOptions, output: Output): Promise<void> {
  const { release, chip, url, from, sha256, folder = cacheFolder() } = options;
  if (!isRelease(release))
    throw new EdgelessError("EDGELESS_USAGE", `--release takes a version such as 2v29, not "${release}"`);
  if (url !== undefined && from !== undefined)
    throw new EdgelessError("EDGELESS_USAGE", "--url and --from exclude each other");
  const bar = new ProgressBar(process.stderr);
  const source = {
    release,
    family: chipFamily(chip),
    ...(url === undefined ? {} : { url }),
    ...(from === undefined ? {} : { file: from }),
    ...(sha256 === undefined ? {} : { sha256 }),
  };
  try {
    const fetched = await fetchFirmware(source, folder, (received, total) =>
      bar.show(`Espruino ${release}`, received, total),
    );
    bar.clear();
    if (!fetched.wasCached && sha256 === undefined)
      output.note(`SHA-256 ${fetched.sha256}; compare it with a source you trust, or give it with --sha256`);
    output.result(fetched.path, fetched);
  } finally {
    bar.clear();
  }
}
