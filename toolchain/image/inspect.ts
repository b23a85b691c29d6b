import { analyseModule } from "./analyse-module.js";
import type { ModuleInfo } from "./module-info.js";

/** What a module imports, exports, uses and weighs. Throws EDGELESS_BAD_WASM with the byte offset. */
export function inspectModule(wasm: Uint8Array): ModuleInfo {
  return analyseModule(wasm).info;
}
