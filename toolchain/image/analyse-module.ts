import { EdgelessError, reasonOf } from "../../core/errors.js";
import { badWasm } from "../wasm/byte-reader.js";
import { type Feature, PORTABLE_FEATURES } from "../wasm/feature.js";
import { readModule } from "../wasm/read-module.js";
import type { WasmModule } from "../wasm/wasm-module.js";
import { type ModuleInfo, moduleInfo } from "./module-info.js";
import { type FunctionScan, scanFunction } from "./scan-function.js";

/** A module that was read, with one scan for each function that has code. */
export interface ModuleAnalysis {
  readonly module: WasmModule;
  readonly scans: readonly FunctionScan[];
  readonly info: ModuleInfo;
}

/**
 * Reads a module and passes over its code once. A module that uses nothing but portable extensions is also validated
 * by the engine of Node.js, so that what comes after can rely on its types. Throws EDGELESS_BAD_WASM with the offset.
 */
export function analyseModule(bytes: Uint8Array): ModuleAnalysis {
  const module = readModule(bytes);
  const features = new Set<Feature>();
  const scans = module.bodies.map((body) => scanFunction(bytes, body, features));
  const info = moduleInfo(module, features);
  if (info.features.every((feature) => PORTABLE_FEATURES.has(feature))) {
    validate(bytes);
  }
  return { module, scans, info };
}

function validate(bytes: Uint8Array): void {
  if (WebAssembly.validate(bytes)) {
    return;
  }
  try {
    new WebAssembly.Module(bytes);
  } catch (thrown) {
    const [, reason, offset] =
      /^(?:WebAssembly\.Module\(\): )?(.*?)(?: @\+(\d+))?$/s.exec(reasonOf(thrown)) ?? [];
    throw badWasm(Number(offset ?? 0), reason ?? "it is not valid");
  }
  throw new EdgelessError("EDGELESS_INTERNAL", "the engine finds a module both valid and invalid");
}
