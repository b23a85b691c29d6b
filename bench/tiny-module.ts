import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildFunction } from "../toolchain/assemblyscript/build-function.js";
import { CompilerProcess } from "../toolchain/assemblyscript/compiler-process.js";

/**
 * A function of the library, built in the profile for the smallest boards.
 * @param root folder of the checkout
 * @param id its folder in `functions/`
 */
export async function tinyModule(root: string, id: string): Promise<Uint8Array> {
  const outFolder = mkdtempSync(join(tmpdir(), "edgeless-tiny-"));
  const compiler = new CompilerProcess();
  try {
    const folder = join(root, "functions", id);
    const { wasmFile } = await buildFunction(folder, { profile: "tiny", compiler, outFolder });
    return readFileSync(wasmFile);
  } finally {
    compiler.close();
    rmSync(outFolder, { recursive: true, force: true });
  }
}
