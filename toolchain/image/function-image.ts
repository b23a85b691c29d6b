import type { ModuleInfo } from "./module-info.js";

/** A function that was checked and prepared: what a node keeps, compiles and runs. */
export interface FunctionImage {
  /** SHA-256 of the source module, as 64 hexadecimal digits. */
  readonly digest: string;
  /** The prepared module. It is only for our engine; what is given to others is the source. */
  readonly module: Uint8Array;
  /** Whether the function can wait in `call`, so that running it may be suspended. */
  readonly suspends: boolean;
  /** The source module. */
  readonly info: ModuleInfo;
}

/** Bounds that a node sets on its functions. */
export interface ImageLimits {
  /** Linear memory in pages of 64 KiB. */
  readonly maxMemoryPages: number;
}
