import type { Stats } from "node:fs";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { reasonOf } from "../../../core/errors.js";
import type { Logger } from "../../../core/log.js";

/** A file of the folder, read once. */
export interface PushedFile {
  readonly path: string;
  readonly content: Buffer;
}

/**
 * Reads the files of a folder, sorted by path. Sub-folders, links that lead out of the folder, what cannot be read and
 * what would exceed the memory are left out; the log says so.
 * @param maxBytes of all files together
 */
export async function readFiles(folder: string, maxBytes: number, logger: Logger): Promise<PushedFile[]> {
  const files: PushedFile[] = [];
  let leftBytes = maxBytes;
  for (const path of await list(folder, logger)) {
    try {
      const found = await inspect(folder, path);
      if (found === undefined) continue;
      if (found.size > leftBytes) {
        logger.warn(`${path} is left out: the files to push may take ${maxBytes} bytes together`);
        continue;
      }
      const content = await readFile(path);
      leftBytes -= content.length;
      files.push({ path, content });
    } catch (error) {
      logger.warn(`${path} cannot be read and is left out: ${reasonOf(error)}`);
    }
  }
  return files;
}

async function list(folder: string, logger: Logger): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names.map((name) => join(folder, name)).sort();
  } catch (error) {
    logger.warn(`the folder of file-pusher cannot be read: ${reasonOf(error)}`);
    return [];
  }
}

/** Undefined for what is no ordinary file within the folder: a pipe, for instance, would hold the reader for ever. */
async function inspect(folder: string, path: string): Promise<Stats | undefined> {
  const top = await realpath(folder);
  if (!(await realpath(path)).startsWith(`${top}${sep}`)) return undefined;
  const found = await stat(path);
  return found.isFile() ? found : undefined;
}
