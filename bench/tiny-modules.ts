import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildFunction } from "../toolchain/assemblyscript/build-function.js";
import { CompilerProcess } from "../toolchain/assemblyscript/compiler-process.js";

/**
 * Functions of the library, built in the profile for the smallest boards.
 * @param root folder of the checkout
 * @param ids their folders in `functions/`
 * @returns their modules, in the same order
 */
export async function tinyModules(root: string, ids: readonly string[]): Promise<Uint8Array[]> {
  const outFolder = mkdtempSync(join(tmpdir(), "edgeless-tiny-"));
  const compiler = new CompilerProcess();
  try {
    const modules: Uint8Array[] = [];
    for (const id of ids) {
      const folder = join(root, "functions", id);
      const { wasmFile } = await buildFunction(folder, { profile: "tiny", compiler, outFolder });
      modules.push(readFileSync(wasmFile));
    }
    return modules;
  } finally {
    compiler.close();
    rmSync(outFolder, { recursive: true, force: true });
  }
}
