import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Digits that are enough to tell versions of one program apart. */
const DIGITS = 16;

/**
 * Sixteen hexadecimal digits that change when any file of a folder or of the folders in it does.
 * @param folder URL of the folder
 */
export function folderFingerprint(folder: URL): string {
  const root = fileURLToPath(folder);
  const hash = createHash("sha256");
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort())
    hash.update(file.slice(root.length)).update("\0").update(readFileSync(file));
  return hash.digest("hex").slice(0, DIGITS);
}
