import { statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { EdgelessError } from "../../core/errors.js";
import { plainReason } from "../../platform/read-file.js";
import { PACKAGE_FILE } from "../../toolchain/assemblyscript/function-package.js";

/**
 * The folder of a function that was named by itself or, as in EDGELESS 1.2, by its `function.json`.
 * @throws EdgelessError EDGELESS_FILE_UNREADABLE, EDGELESS_USAGE
 */
export function functionFolder(path: string): string {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (error) {
    throw new EdgelessError("EDGELESS_FILE_UNREADABLE", `cannot read ${path}: ${plainReason(error)}`, error);
  }
  if (isFolder) return path;
  if (basename(path) === PACKAGE_FILE) return dirname(path);
  throw new EdgelessError(
    "EDGELESS_USAGE",
    `${path} is neither the folder of a function nor its ${PACKAGE_FILE}`,
  );
}
