import { readFileSync } from "node:fs";
import { EdgelessError, reasonOf } from "../core/errors.js";

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
  return (typeof code === "string" ? PLAIN_REASONS[code] : undefined) ?? reasonOf(error);
}

/** What went wrong with writing a file in a folder that is there, in words: one that can not be made is said to be missing. */
export function plainWriteReason(error: unknown): string {
  const isRefused = error instanceof Error && "code" in error && error.code === "ENOENT";
  return isRefused ? "no file can be made there" : plainReason(error);
}

const PLAIN_REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EEXIST: "there is a file of that name",
  EISDIR: "it is a folder",
  ENOENT: "no such file",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of the path is no folder",
  EPERM: "permission denied",
  EROFS: "the disk is read-only",
};
