import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildFunction } from "./build-function.js";
import { CompilerProcess } from "./compiler-process.js";
import { PACKAGE_FILE, readFunctionPackage } from "./function-package.js";

/** Functions small enough for a board, whose size in the tiny profile is of interest. */
export const TINY: readonly string[] = [
  "counter",
  "double",
  "double_tiny",
  "dup",
  "filter_in_range",
  "incr",
  "pong",
  "sensor_simulator",
  "thermostat",
];

/**
 * The page that lists the sizes of the shipped functions, in Markdown. Sizes in the normal profile are those of the
 * modules that were built before, none when `function.json` names the other one; the others are built now.
 * @param root folder of the checkout
 */
export async function sizeTable(root: string): Promise<string> {
  const ids = readdirSync(join(root, "functions")).filter((id) =>
    existsSync(join(root, "functions", id, PACKAGE_FILE)),
  );
  const tiny = await tinySizes(root);
  const rows = ids.sort().map((id) => {
    const isTiny = readFunctionPackage(join(root, "functions", id)).profile === "tiny";
    const normal = isTiny ? "" : statSync(join(root, "dist", "functions", id, `${id}.wasm`)).size;
    return `| \`${id}\` | ${normal} | ${tiny.get(id) ?? ""} |`;
  });
  return `# Sizes of the shipped functions

Bytes of the module. In the normal profile a collector frees memory after each event. In the tiny profile a module uses
at most one page; functions that keep no objects from one event to the next do without a collector ("arena").
Made with \`node scripts/function-sizes.mjs\`; a test compares this page with the modules.

| function | normal | tiny |
|---|---:|---:|
${rows.join("\n")}
`;
}

async function tinySizes(root: string): Promise<Map<string, string>> {
  const sizes = new Map<string, string>();
  const outFolder = mkdtempSync(join(tmpdir(), "edgeless-sizes-"));
  const compiler = new CompilerProcess();
  try {
    for (const id of TINY) {
      const folder = join(root, "functions", id);
      const { size, memory } = await buildFunction(folder, { profile: "tiny", compiler, outFolder });
      sizes.set(id, `${size} (${memory})`);
    }
  } finally {
    compiler.close();
    rmSync(outFolder, { recursive: true, force: true });
  }
  return sizes;
}
