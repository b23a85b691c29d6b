import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { EdgelessError } from "../../core/errors.js";
import { readUserFile } from "../../platform/read-file.js";
import { PACKAGE_FILE, readFunctionPackage } from "../../toolchain/assemblyscript/function-package.js";

/**
 * Reads the module of a function.
 * @throws EdgelessError EDGELESS_USAGE for the folder of a function, EDGELESS_FILE_UNREADABLE, which tells when it has to be built
 */
export function readModule(path: string): Buffer {
  if (existsSync(join(path, PACKAGE_FILE))) {
    const module = join(path, `${readFunctionPackage(path).id}.wasm`);
    throw new EdgelessError(
      "EDGELESS_USAGE",
      `${path} is the folder of a function: name its module, ${module}`,
    );
  }
  const build = buildCommand(path);
  if (build !== undefined) {
    throw new EdgelessError("EDGELESS_FILE_UNREADABLE", `${path} is not there: make it with ${build}`);
  }
  return readUserFile(path);
}

/** The command that makes a module that is not there from the function in its folder; undefined when no function is. */
export function buildCommand(path: string): string | undefined {
  const folder = dirname(path);
  const isMissing = !existsSync(path) && existsSync(join(folder, PACKAGE_FILE));
  return isMissing ? `edgeless function build ${folder}` : undefined;
}
