// Tells whether the result of a step is still that of its inputs, by a stamp file that holds their fingerprint.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const SKIPPED = new Set(["node_modules", "dist", ".git", ".tap", "edgeless-box"]);

/** Every file below `folder` (relative to the root) whose name ends like one of `endings`. */
export function filesBelow(folder, endings) {
  const found = [];
  if (!existsSync(join(ROOT, folder))) return found;
  const visit = (path) => {
    for (const entry of readdirSync(join(ROOT, path), { withFileTypes: true })) {
      const inner = join(path, entry.name);
      if (entry.isDirectory()) {
        if (!SKIPPED.has(entry.name)) visit(inner);
      } else if (endings.some((ending) => entry.name.endsWith(ending))) found.push(inner);
    }
  };
  visit(folder);
  return found.sort();
}

/** A fingerprint of names, sizes and modification times: fast, and different after every edit. */
export function fingerprint(paths) {
  const hash = createHash("sha256");
  for (const path of paths) {
    const { size, mtimeMs } = statSync(join(ROOT, path));
    hash.update(`${path}\0${size}\0${mtimeMs}\0`);
  }
  return hash.digest("hex");
}

/** True when the stamp holds this fingerprint. */
export function isFresh(stamp, print) {
  try {
    return readFileSync(join(ROOT, stamp), "utf8") === print;
  } catch {
    return false;
  }
}

/** Remembers that the step was done for this fingerprint. */
export function markFresh(stamp, print) {
  mkdirSync(dirname(join(ROOT, stamp)), { recursive: true });
  writeFileSync(join(ROOT, stamp), print);
}
