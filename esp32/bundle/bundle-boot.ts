import { transform as toOlderScript } from "@swc/core";
import { build } from "esbuild";
import { minify } from "terser";
import { hoistDeclarations } from "./hoist-declarations.js";

const ENTRY = `import { boot } from "./esp32/boot/boot.js"; boot();`;

/** A runtime that ends while it starts is given so long to be looked at, milliseconds. */
const LOOK_MS = 30_000;

/**
 * Runs the script that the boot decided on, with its cold functions in `T`, in the outermost scope, where the names of the runtime
 * have to be. Nothing of the boot is left but its state.
 */
const RUN = `if(edgelessBoot.script)try{T=require("Storage").read(edgelessBoot.script+".cold");\
eval(require("Storage").read(edgelessBoot.script))}catch(e){print("edgeless 1 "+e);setTimeout(E.reboot,${LOOK_MS})}`;

/**
 * The script that a board runs first, `.boot0`: small, in one piece, and never replaced over the air.
 * @param root folder of the project
 */
export async function bundleBoot(root: string): Promise<string> {
  const bundled = await build({
    stdin: { contents: ENTRY, resolveDir: root, loader: "ts" },
    bundle: true,
    write: false,
    format: "iife",
    external: ["Storage", "Wifi"],
    target: "es2015",
    platform: "neutral",
    minifySyntax: true,
    absWorkingDir: root,
    logLevel: "silent",
  });
  // The interpreter's own `require`.
  const plain = (bundled.outputFiles[0]?.text ?? "").replaceAll(/\b__require\(/g, "require(");
  const older = await toOlderScript(plain, {
    configFile: false,
    swcrc: false,
    isModule: false,
    jsc: { target: "es5", loose: true, parser: { syntax: "ecmascript" } },
  });
  const { code = "" } = await minify(older.code, {
    ecma: 5,
    compress: { passes: 2 },
    mangle: true,
    format: { ascii_only: true },
  });
  return hoistDeclarations(code) + RUN;
}
