import type { ResolveHook } from "node:module";

/** Lets a test file of any folder import `edgeless-ts/testing` without installing anything there. */
export const resolve: ResolveHook = (specifier, context, next) =>
  specifier === "edgeless-ts/testing"
    ? { url: new URL("../testing.js", import.meta.url).href, format: "module", shortCircuit: true }
    : next(specifier, context);
