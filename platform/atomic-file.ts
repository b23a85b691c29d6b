import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { makeFolder } from "./make-folder.js";

/**
 * Replaces a file as a whole: after a crash at any moment it holds the old or the new content, never a mixture.
 * Missing folders are created.
 * @param temporary where the content is collected, in the same folder; one of its own where several processes may write
 */
export function writeFileAtomically(
  path: string,
  content: string | Uint8Array,
  temporary = `${path}.new`,
): void {
  makeFolder(dirname(path));
  try {
    const file = openSync(temporary, "w");
    try {
      const bytes = typeof content === "string" ? Buffer.from(content) : content;
      let written = 0;
      while (written < bytes.length) written += writeSync(file, bytes, written);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
