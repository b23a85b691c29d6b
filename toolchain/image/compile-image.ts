import { EdgelessError, reasonOf } from "../../core/errors.js";
import type { FunctionImage, ImageLimits } from "./function-image.js";
import { prepareImage } from "./prepare.js";

/** A prepared image with its compiled module, which all its instances share. */
export interface CompiledImage {
  readonly image: FunctionImage;
  readonly module: WebAssembly.Module;
}

/** Prepares and compiles a source module. Throws as `prepareImage` does. */
export function compileImage(wasm: Uint8Array, limits: ImageLimits): CompiledImage {
  const image = prepareImage(wasm, limits);
  try {
    return { image, module: new WebAssembly.Module(image.module) };
  } catch (thrown) {
    throw new EdgelessError(
      "EDGELESS_WASM_TOO_LARGE",
      `the engine does not take the prepared module: ${reasonOf(thrown)}`,
      thrown,
    );
  }
}
