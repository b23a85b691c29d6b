import { EdgelessError } from "../../core/errors.js";
import { badWasm } from "../wasm/byte-reader.js";
import { PORTABLE_FEATURES } from "../wasm/feature.js";
import { analyseModule, type ModuleAnalysis } from "./analyse-module.js";
import { abiFaults } from "./check-abi.js";
import { sha256 } from "./digest.js";
import type { FunctionImage, ImageLimits } from "./function-image.js";
import { SUSPENDING_IMPORTS } from "./guest-abi.js";
import { writePreparedModule } from "./write-prepared-module.js";

/** Elements that the tables of a function may have together. */
const MAX_TABLE_ELEMENTS = 100_000;

/**
 * Checks a module against the guest ABI and the limits, and gives the module that the engine runs: it counts fuel, cannot
 * grow its memory past the limit and, when it imports `call_asm` or `call_raw_asm`, can be suspended in them.
 * Throws EDGELESS_BAD_WASM, EDGELESS_WASM_ABI or EDGELESS_WASM_TOO_LARGE.
 */
export function prepareImage(wasm: Uint8Array, limits: ImageLimits): FunctionImage {
  const analysis = analyseModule(wasm);
  checkFeatures(analysis);
  const [fault] = abiFaults(analysis.info);
  if (fault !== undefined) {
    throw new EdgelessError("EDGELESS_WASM_ABI", fault);
  }
  checkSizes(analysis, limits);
  const suspends = analysis.info.imports.some(({ name }) => SUSPENDING_IMPORTS.has(name));
  return {
    digest: sha256(wasm),
    module: writePreparedModule(analysis, limits.maxMemoryPages, suspends),
    suspends,
    info: analysis.info,
  };
}

function checkFeatures({ info }: ModuleAnalysis): void {
  const refused = info.features.filter((feature) => !PORTABLE_FEATURES.has(feature));
  if (refused.length > 0) {
    throw badWasm(0, `it uses ${refused.join(", ")}, which functions may not`);
  }
}

function checkSizes({ module, info }: ModuleAnalysis, limits: ImageLimits): void {
  const pages = info.memory?.minPages ?? 0;
  if (pages > limits.maxMemoryPages) {
    throw new EdgelessError(
      "EDGELESS_WASM_TOO_LARGE",
      `the function needs ${pages} pages of memory (${pages * 64} KiB), the limit is ${limits.maxMemoryPages} (${limits.maxMemoryPages * 64} KiB)`,
    );
  }
  const elements = module.tables.reduce((sum, { min }) => sum + min, 0);
  if (elements > MAX_TABLE_ELEMENTS) {
    throw new EdgelessError(
      "EDGELESS_WASM_TOO_LARGE",
      `the function has tables of ${elements} elements, the limit is ${MAX_TABLE_ELEMENTS}`,
    );
  }
}
