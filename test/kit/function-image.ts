import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";
import type { EngineImage } from "./container-engine.js";
import { serverFolder } from "./server-process.js";

/** Where the function of an image listens. */
const PORT = 7101;

/** An archive on disk, and what to do when it is not needed any more. */
export interface PackedImage extends EngineImage {
  remove(): void;
}

/**
 * Packs a program and the Node.js that runs this test, without the rest of a system, into the archive of an image.
 * @param options what stands before the URL where the program is to listen
 */
export async function packFunctionImage(
  name: string,
  program: string,
  ...options: readonly string[]
): Promise<PackedImage> {
  const folder = serverFolder("image");
  const content = join(folder, "content");
  mkdirSync(join(content, "tmp"), { recursive: true });
  await build({
    entryPoints: [program],
    outfile: join(content, "function", "main.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    logLevel: "error",
  });
  const libraries = execFileSync("ldd", [process.execPath], { encoding: "utf8" });
  const files = [process.execPath, ...(libraries.match(/\/\S+/g) ?? [])].map((path) => path.slice(1));
  const tar = join(folder, `${basename(folder)}.tar`);
  execFileSync("tar", ["-chf", tar, "-C", "/", ...files, "-C", content, "function", "tmp"]);
  return {
    name,
    tar,
    port: PORT,
    command: [process.execPath, "/function/main.mjs", ...options, `http://0.0.0.0:${PORT}`],
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
