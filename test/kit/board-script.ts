import { transform as toOlderScript } from "@swc/core";
import { build } from "esbuild";
import { hoistDeclarations } from "../../esp32/bundle/hoist-declarations.js";
import { ROOT } from "./repository.js";

/**
 * Sources as one script that an interpreter on a board understands, with all names as they are: for trying parts of the firmware.
 * @param entry source of the entry, with paths from the repository root
 */
export async function boardScript(entry: string): Promise<string> {
  const bundled = await build({
    stdin: { contents: entry, resolveDir: ROOT, loader: "ts" },
    bundle: true,
    write: false,
    external: ["Storage", "Wifi", "dgram"],
    format: "iife",
    target: "es2015",
    platform: "neutral",
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    logLevel: "silent",
  });
  // The interpreter's own `require`.
  const plain = (bundled.outputFiles[0]?.text ?? "").replaceAll(/\b__require\(/g, "require(");
  const older = await toOlderScript(plain, {
    configFile: false,
    swcrc: false,
    isModule: false,
    jsc: {
      target: "es5",
      loose: true,
      parser: { syntax: "ecmascript" },
      assumptions: { noClassCalls: true, setClassMethods: true, setPublicClassFields: true },
    },
  });
  return hoistDeclarations(older.code);
}
