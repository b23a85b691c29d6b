/** The WebAssembly extensions that a module can use, named as their proposals are. */
export type Feature =
  | "mutable-globals"
  | "sign-extension"
  | "saturating-float-to-int"
  | "bulk-memory"
  | "multi-value"
  | "reference-types"
  | "extended-constants"
  | "multi-memory"
  | "memory64"
  | "tail-calls"
  | "exceptions"
  | "simd"
  | "threads";

/** The extensions beyond WebAssembly 1.0 that a function may use on every EDGELESS target. */
export const PORTABLE_FEATURES: ReadonlySet<Feature> = new Set<Feature>([
  "mutable-globals",
  "sign-extension",
  "saturating-float-to-int",
  "bulk-memory",
  "multi-value",
]);
