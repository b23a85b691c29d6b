import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { PACKAGE_FILE, readFunctionPackage } from "../../toolchain/assemblyscript/function-package.js";

/**
 * The folder that a module is built in from source: its own, when that holds the package file and the source.
 * @param wasmFile absolute path; the module need not exist
 * @throws EdgelessError EDGELESS_BAD_CONFIG when the package file is malformed
 */
export function sourceFolder(wasmFile: string): string | undefined {
  const folder = dirname(wasmFile);
  if (!existsSync(join(folder, PACKAGE_FILE))) return undefined;
  const { id, build } = readFunctionPackage(folder);
  return basename(wasmFile) === `${id}.wasm` && existsSync(join(folder, build)) ? folder : undefined;
}
