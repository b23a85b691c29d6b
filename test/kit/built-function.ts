import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BuildOptions, buildFunction } from "../../toolchain/assemblyscript/build-function.js";
import type { BuildReport } from "../../toolchain/assemblyscript/build-report.js";

/** A folder with one function, outside of the checkout. */
export interface FunctionFolder {
  readonly path: string;
  /** Builds it and reads the module. */
  build(options?: BuildOptions): Promise<{ report: BuildReport; wasm: Uint8Array }>;
  write(file: string, text: string): void;
  remove(): void;
}

/** Makes a temporary folder for a function of this source. */
export function functionFolder(id: string, source: string): FunctionFolder {
  const path = mkdtempSync(join(tmpdir(), "edgeless-function-"));
  const write = (file: string, text: string) => writeFileSync(join(path, file), text);
  write(`${id}.ts`, source);
  write(
    "function.json",
    JSON.stringify({ id, version: "1", function_type: "RUST_WASM", outputs: [], build: `${id}.ts` }),
  );
  return {
    path,
    write,
    build: async (options) => {
      const report = await buildFunction(path, options);
      return { report, wasm: readFileSync(report.wasmFile) };
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
