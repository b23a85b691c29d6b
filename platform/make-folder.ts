import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { EdgelessError } from "../core/errors.js";
import { plainReason } from "./read-file.js";

/**
 * Makes a folder, and the folders above it, where they are missing. Not with the recursive way of Node.js, which tries for ever
 * where a file system that keeps no files, such as that of the kernel, says that the folder is not there.
 * @throws EdgelessError EDGELESS_FILE_UNREADABLE when a folder can not be made
 */
export function makeFolder(path: string): void {
  if (isFolder(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeFolder(parent);
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process may have made it meanwhile.
    if (isFolder(path)) return;
    const isRefused = error instanceof Error && "code" in error && error.code === "ENOENT";
    const sentence = isRefused
      ? `no folder can be made in ${parent}`
      : `the folder ${path} cannot be made: ${plainReason(error)}`;
    throw new EdgelessError("EDGELESS_FILE_UNREADABLE", sentence);
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    return false;
  }
}
