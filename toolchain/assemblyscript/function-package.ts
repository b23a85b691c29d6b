import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { RUST_WASM } from "../../core/specification.js";

/** File that describes a function, beside its source; EDGELESS tools read the same file. */
export const PACKAGE_FILE = "function.json";

const schema = z.object({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,100}$/, "must be letters, digits, _ and -"),
  version: z.string(),
  function_type: z.literal(RUST_WASM),
  outputs: z.array(z.string()).default([]),
  build: z.string().regex(/^[^/\\]+\.ts$/, "must name a .ts file in the same folder"),
});

/** The content of `function.json`. */
export type FunctionPackage = z.infer<typeof schema>;

/**
 * Reads the package file of a function's folder.
 * @throws EdgelessError EDGELESS_FILE_UNREADABLE, EDGELESS_BAD_CONFIG naming the key
 */
export function readFunctionPackage(folder: string): FunctionPackage {
  const path = join(folder, PACKAGE_FILE);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    throw new EdgelessError("EDGELESS_FILE_UNREADABLE", `cannot read ${path}: ${reasonOf(thrown)}`, thrown);
  }
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (thrown) {
    throw new EdgelessError("EDGELESS_BAD_CONFIG", `${path} is not JSON: ${reasonOf(thrown)}`, thrown);
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const key = issue?.path.join(".") ?? "";
  throw new EdgelessError("EDGELESS_BAD_CONFIG", `${path}: ${key}: ${issue?.message ?? "invalid"}`);
}

/** The text of `function.json` for a package. */
export function functionPackageText(content: FunctionPackage): string {
  const { id, version, function_type, outputs, build } = content;
  return `${JSON.stringify({ id, version, function_type, outputs, build }, undefined, 2)}\n`;
}
