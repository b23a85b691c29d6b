import binaryen from "assemblyscript/binaryen";
import { analyseModule } from "../image/analyse-module.js";
import { startedModule } from "../start/started-module.js";
import type { Feature } from "../wasm/feature.js";

/** In the terms of the optimizer; a module has no others of {@link Feature}. */
const FEATURES: Partial<Record<Feature, binaryen.Features>> = {
  "mutable-globals": binaryen.Features.MutableGlobals,
  "sign-extension": binaryen.Features.SignExt,
  "saturating-float-to-int": binaryen.Features.NontrappingFPToInt,
  "bulk-memory": binaryen.Features.BulkMemory | binaryen.Features.BulkMemoryOpt,
  "multi-value": binaryen.Features.Multivalue,
};

const LEVEL = 2;
const MAX_PASSES = 4;

/** The module with its top-level code carried out, and what is known from then on used to make the rest smaller. */
export function smallerModule(wasm: Uint8Array): Uint8Array {
  let best = startedModule(wasm);
  if (best === wasm) {
    return wasm;
  }
  const { features } = analyseModule(best).info;
  const allowed = features.reduce((all, feature) => all | (FEATURES[feature] ?? 0), binaryen.Features.MVP);
  for (let left = MAX_PASSES; left > 0; left -= 1) {
    const next = optimized(best, allowed);
    if (next.length >= best.length) {
      break;
    }
    best = next;
  }
  return best;
}

function optimized(wasm: Uint8Array, features: binaryen.Features): Uint8Array {
  const module = binaryen.readBinaryWithFeatures(wasm, features);
  try {
    binaryen.setOptimizeLevel(LEVEL);
    binaryen.setShrinkLevel(LEVEL);
    module.optimize();
    module.runPasses(["strip-target-features"]);
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}
