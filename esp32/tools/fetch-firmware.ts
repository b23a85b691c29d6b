import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { writeFileAtomically } from "../../platform/atomic-file.js";
import { type ArchiveFile, isArchive, readArchive, writeTar } from "./archive.js";
import type { ChipFamily } from "./chip-family.js";
import { readFirmware, selectImages } from "./firmware-images.js";
import type { FlashImage } from "./flash-image.js";
import { plainNetworkReason } from "./network-reason.js";

/** Where a release of Espruino comes from. */
export interface FirmwareSource {
  /** As in `2v29`. */
  readonly release: string;
  readonly family: ChipFamily;
  /** A mirror's address of an archive, or of a folder, which ends with `/`; without it the server of Espruino. */
  readonly url?: string;
  /** An archive or a folder on this machine that is taken instead of a download. */
  readonly file?: string;
  /** SHA-256 that the archive of the images must have, hexadecimal; without it the first download decides. */
  readonly sha256?: string;
}

/** A release on this machine. */
export interface FetchedFirmware {
  /** An archive of the images for the chip. */
  readonly path: string;
  /** Of that archive, which is the same wherever the images came from. */
  readonly sha256: string;
  /** True when nothing had to be downloaded. */
  readonly wasCached: boolean;
}

/** What helps where a download does not. */
const OTHERWISE =
  "have the archive from elsewhere, and take it with: edgeless esp32 firmware fetch --from PATH";
/** Longest download, milliseconds, and largest archive, bytes. */
const LIMIT_MS = 600_000;
const MOST_BYTES = 64 * 1024 * 1024;

/** Folder of a release on the server of Espruino, in which the images lie. */
export function releaseUrl(release: string, family: ChipFamily): string {
  return `https://www.espruino.com/binaries/espruino_${release}_${family.fileName}/`;
}

/** What the images are called there; the build for a later ESP-IDF has other names for some. */
function imageNames({ fileName }: ChipFamily): readonly (readonly string[])[] {
  return [
    ["bootloader.bin"],
    ["partitions_espruino.bin", "partition-table.bin"],
    [`espruino_${fileName}.bin`, `espruino-${fileName}.bin`],
  ];
}

/** Where a release is kept; whether it is there is another question. */
export function cachedFirmware(folder: string, release: string, family: ChipFamily): string {
  return join(folder, `espruino_${release}_${family.fileName}.tar`);
}

/**
 * Has a release of Espruino on this machine, downloading it when it is not there yet. Its SHA-256 is kept beside it, so that
 * a release never changes silently; what does not hold what a chip needs is not kept. A file that is named is always taken.
 * @param onProgress bytes that came of one file, and of how many; 0 when the server does not say
 * @throws EdgelessError EDGELESS_UNREACHABLE, EDGELESS_REJECTED, EDGELESS_BAD_FIRMWARE, EDGELESS_FILE_UNREADABLE
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
  const images =
    source.file === undefined
      ? selectImages(await downloadFiles(from, family, onProgress), family, from)
      : readFirmware(source.file).imagesFor(family);
  const bytes = packed(images);
  const sum = sha256(bytes);
  if (wanted !== undefined && sum !== wanted)
    throw new EdgelessError("EDGELESS_BAD_FIRMWARE", `${from}: SHA-256 is ${sum}, not ${wanted}`);
  writeFileAtomically(path, bytes);
  writeFileAtomically(sumFile(path), `${sum}\n`);
  return { path, sha256: sum, wasCached: false };
}

/** An archive of images, the same for the same images. */
function packed(images: readonly FlashImage[]): Buffer {
  return writeTar(images.map(({ name, bytes }) => ({ name: basename(name), bytes })));
}

async function downloadFiles(
  from: string,
  family: ChipFamily,
  onProgress: (received: number, total: number) => void,
): Promise<readonly ArchiveFile[]> {
  if (!from.endsWith("/"))
    return readArchive(await download(from, onProgress), isArchive(from) ? basename(from) : "the download");
  const files: ArchiveFile[] = [];
  for (const names of imageNames(family)) files.push(await downloadFirst(from, names, onProgress));
  return files;
}

/** The first of some files in a folder that is there. */
async function downloadFirst(
  folder: string,
  names: readonly string[],
  onProgress: (received: number, total: number) => void,
): Promise<ArchiveFile> {
  const [name = "", ...others] = names;
  try {
    return { name, bytes: await download(`${folder}${name}`, onProgress) };
  } catch (error) {
    const isElsewhere = error instanceof EdgelessError && error.code === "EDGELESS_REJECTED";
    if (isElsewhere && others.length > 0) {
      return downloadFirst(folder, others, onProgress).catch((next: unknown) => {
        throw next instanceof EdgelessError && next.code === "EDGELESS_REJECTED" ? error : next;
      });
    }
    throw error;
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
