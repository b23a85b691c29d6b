import { dirname } from "node:path";
import { EdgelessError } from "../../core/errors.js";
import { writeFileAtomically } from "../../platform/atomic-file.js";
import { makeFolder } from "../../platform/make-folder.js";
import { plainWriteReason } from "../../platform/read-file.js";

/**
 * Writes a file that a build makes, whole or not at all, also when another build writes it at the same time.
 * @throws EdgelessError EDGELESS_FILE_UNREADABLE
 */
export function writeOutput(path: string, content: string | Uint8Array): void {
  writing(path, () => {
    makeFolder(dirname(path));
    writeFileAtomically(path, content, `${path}.${process.pid}.new`);
  });
}

/**
 * Does something that writes `path`, which a person named.
 * @throws EdgelessError EDGELESS_FILE_UNREADABLE when that fails
 */
export function writing(path: string, write: () => void): void {
  try {
    write();
  } catch (thrown) {
    throw new EdgelessError(
      "EDGELESS_FILE_UNREADABLE",
      `cannot write ${path}: ${plainWriteReason(thrown)}`,
      thrown,
    );
  }
}
