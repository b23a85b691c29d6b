import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_FILE, readFunctionPackage } from "../toolchain/assemblyscript/function-package.js";
import { TINY } from "../toolchain/assemblyscript/size-table.js";
import { translateModule } from "../toolchain/translate/translate.js";
import { tinyModules } from "./tiny-modules.js";
import type { TranslationSize } from "./translation-table.js";

/** A module of the library in one profile. */
export interface LibraryModule {
  readonly id: string;
  readonly profile: "normal" | "tiny";
  readonly wasm: Uint8Array;
}

/** Memory for which the sizes are those of the text; it changes a few digits of it. */
const MEMORY_BYTES = 8192;

/**
 * The shipped functions as they were built, and those for the smallest boards in the profile `tiny`, which are built now.
 * @param root folder of the checkout
 */
export async function libraryModules(root: string): Promise<LibraryModule[]> {
  const ids = readdirSync(join(root, "functions")).filter((id) =>
    existsSync(join(root, "functions", id, PACKAGE_FILE)),
  );
  const tiny = await tinyModules(root, TINY);
  const modules: LibraryModule[] = [];
  for (const id of ids.sort()) {
    const { profile } = readFunctionPackage(join(root, "functions", id));
    const wasm = readFileSync(join(root, "dist", "functions", id, `${id}.wasm`));
    if (profile !== "tiny") modules.push({ id, profile: "normal", wasm });
    const small = tiny[TINY.indexOf(id)];
    if (small !== undefined) modules.push({ id, profile: "tiny", wasm: small });
  }
  return modules;
}

/** What the translation of a module is in bytes. */
export function translationSize({ id, profile, wasm }: LibraryModule): TranslationSize {
  const { code } = translateModule(wasm, { maxMemoryBytes: MEMORY_BYTES });
  return { id, profile, wasmBytes: wasm.length, textBytes: code.length };
}
