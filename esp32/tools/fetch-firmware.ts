import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { writeFileAtomically } from "../../platform/atomic-file.js";
import { plainReason } from "../../platform/read-file.js";
import { isArchive, readArchive } from "./archive.js";
import type { ChipFamily } from "./chip-family.js";
import { selectImages } from "./firmware-images.js";
import { plainNetworkReason } from "./network-reason.js";

/** Where a release of Espruino comes from. */
export interface FirmwareSource {
  /** As in `2v29`. */
  readonly release: string;
  readonly family: ChipFamily;
  /** A mirror's address of the archive; without it the project's own server. */
  readonly url?: string;
  /** An archive on this machine that is taken instead of a download. */
  readonly file?: string;
  /** SHA-256 of the archive, hexadecimal; without it the first download decides. */
  readonly sha256?: string;
}

/** A release on this machine. */
export interface FetchedFirmware {
  readonly path: string;
  readonly sha256: string;
  /** True when nothing had to be downloaded. */
  readonly wasCached: boolean;
}

/** What helps where a download does not. */
const OTHERWISE =
  "have the archive from elsewhere, and take it with: edgeless esp32 firmware fetch --from FILE";
/** Longest download, milliseconds, and largest archive, bytes. */
const LIMIT_MS = 600_000;
const MOST_BYTES = 64 * 1024 * 1024;

/** Address of a release on the server of Espruino. */
export function releaseUrl(release: string, family: ChipFamily): string {
  return `https://www.espruino.com/binaries/espruino_${release}_${family.fileName}.tgz`;
}

/** Where a release is kept; whether it is there is another question. */
export function cachedFirmware(folder: string, release: string, family: ChipFamily): string {
  return join(folder, `espruino_${release}_${family.fileName}.tgz`);
}

/**
 * Has a release of Espruino on this machine, downloading it when it is not there yet. Its SHA-256 is kept beside it, so that
 * a release never changes silently; an archive that does not hold what a chip needs is not kept. A file that is named is always taken.
 * @param onProgress bytes that came, and of how many; 0 when the server does not say
 * @throws EdgelessError EDGELESS_UNREACHABLE, EDGELESS_REJECTED, EDGELESS_BAD_FIRMWARE
 */
export async function fetchFirmware(
  source: FirmwareSource,
  folder: string,
  onProgress: (received: number, total: number) => void,
): Promise<FetchedFirmware> {
  const { release, family } = source;
  const path = cachedFirmware(folder, release, family);
  const wanted = source.sha256?.toLowerCase() ?? knownSum(path);
  if (existsSync(path) && source.file === undefined) {
    const sum = sha256(readFileSync(path));
    if (sum === wanted) return { path, sha256: sum, wasCached: true };
  }
  const from = source.file ?? source.url ?? releaseUrl(release, family);
  const bytes = source.file === undefined ? await download(from, onProgress) : readFile(source.file);
  const sum = sha256(bytes);
  if (wanted !== undefined && sum !== wanted)
    throw new EdgelessError("EDGELESS_BAD_FIRMWARE", `${from}: SHA-256 is ${sum}, not ${wanted}`);
  selectImages(readArchive(bytes, isArchive(from) ? basename(from) : "the download"), family, from);
  writeFileAtomically(path, bytes);
  writeFileAtomically(sumFile(path), `${sum}\n`);
  return { path, sha256: sum, wasCached: false };
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new EdgelessError("EDGELESS_FILE_UNREADABLE", `cannot read ${path}: ${plainReason(error)}`, error);
  }
}

async function download(url: string, onProgress: (received: number, total: number) => void): Promise<Buffer> {
  if (!URL.canParse(url)) throw new EdgelessError("EDGELESS_USAGE", `"${url}" is no URL`);
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(LIMIT_MS) });
    if (!response.ok)
      throw new EdgelessError(
        "EDGELESS_REJECTED",
        `${url}: the server answered ${response.status}; ${OTHERWISE}`,
      );
    const total = Number(response.headers.get("content-length") ?? 0);
    const parts: Uint8Array[] = [];
    let received = 0;
    for await (const part of response.body ?? []) {
      parts.push(part);
      received += part.length;
      if (received > MOST_BYTES)
        throw new EdgelessError("EDGELESS_BAD_FIRMWARE", `${url}: more than ${MOST_BYTES} bytes`);
      onProgress(received, total);
    }
    return Buffer.concat(parts);
  } catch (error) {
    if (error instanceof EdgelessError) throw error;
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw new EdgelessError(
      "EDGELESS_UNREACHABLE",
      `cannot download ${url}: ${plainNetworkReason(reasonOf(cause))}; ${OTHERWISE}`,
      error,
    );
  }
}

function knownSum(path: string): string | undefined {
  const file = sumFile(path);
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

function sumFile(path: string): string {
  return `${path}.sha256`;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
