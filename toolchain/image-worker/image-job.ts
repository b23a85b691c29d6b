import type { ErrorCode } from "../../core/errors.js";
import type { CompiledImage } from "../image/compile-image.js";
import type { ImageLimits } from "../image/function-image.js";
import type { TranslatedModule } from "../translate/translate.js";

/** Checks, prepares and compiles a module for the engine of a node. */
export interface PrepareJob {
  readonly kind: "prepare";
  readonly wasm: Uint8Array;
  readonly limits: ImageLimits;
}

/** Translates a module for boards without a WebAssembly engine. */
export interface TranslateJob {
  readonly kind: "translate";
  readonly wasm: Uint8Array;
  readonly maxMemoryBytes: number;
}

export type ImageJob = PrepareJob | TranslateJob;
export type ImageResult = CompiledImage | TranslatedModule;

/** What a thread answers to a job; faults travel as code and sentence. */
export type ImageAnswer =
  | { readonly ok: true; readonly result: ImageResult }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };
