import { readFileSync } from "node:fs";
import { EdgelessError, reasonOf } from "../../core/errors.js";

/**
 * Reads a file that the user named.
 * @throws EdgelessError EDGELESS_FILE_UNREADABLE
 */
export function readUserFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new EdgelessError("EDGELESS_FILE_UNREADABLE", `cannot read ${path}: ${plainReason(error)}`, error);
  }
}

/** What went wrong with a file, in words. */
export function plainReason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "no such file";
  if (code === "EISDIR") return "it is a folder";
  if (code === "EACCES") return "permission denied";
  return reasonOf(error);
}
