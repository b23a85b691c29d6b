import { join } from "node:path";
import { z } from "zod";
import { RUST_WASM } from "../../core/specification.js";
import { readJsonFile } from "../../platform/json-file.js";
import { BUILD_PROFILES } from "./build-profile.js";

/** File that describes a function, beside its source; EDGELESS tools read the same file. */
export const PACKAGE_FILE = "function.json";

const schema = z.looseObject({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,100}$/, "must be letters, digits, _ and -, at most 100"),
  version: z.string(),
  function_type: z.literal(RUST_WASM, { error: `must be "${RUST_WASM}"` }),
  outputs: z.array(z.string()).default([]),
  /** How it is built unless the command says otherwise. */
  profile: z.enum(BUILD_PROFILES).optional(),
  build: z.string().regex(/^[^/\\]+\.ts$/, "must name a .ts file in the same folder"),
});

/** The content of `function.json`; keys beyond these are kept as they are. */
export type FunctionPackage = z.infer<typeof schema>;

/**
 * Reads the package file of a function's folder.
 * @throws EdgelessError EDGELESS_FILE_UNREADABLE, EDGELESS_BAD_PACKAGE naming file, line, field and reason
 */
export function readFunctionPackage(folder: string): FunctionPackage {
  return readJsonFile(join(folder, PACKAGE_FILE), schema, "EDGELESS_BAD_PACKAGE");
}

/** The text of `function.json` for a package. */
export function functionPackageText(content: FunctionPackage): string {
  return `${JSON.stringify(content, undefined, 2)}\n`;
}
