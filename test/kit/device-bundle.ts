import { join } from "node:path";
import { transform as toOlderScript } from "@swc/core";
import { parse } from "acorn";
import { build } from "esbuild";
import { minify } from "terser";
import { hoistDeclarations } from "./hoist-declarations.js";
import { ROOT } from "./repository.js";

/** Steps of a bundle, as text. */
export interface DeviceBundle {
  /** ES5, one script, readable. */
  readonly script: string;
  /** The same minified, with all declarations at the start of their functions: what goes onto a board. */
  readonly minified: string;
}

/** Helper of the ES5 step that looks at symbols, which no board has. */
const INSTANCE_HELPER = "_instanceof";

/**
 * Bundles device sources: one ES2015 script, then ES5 for a plain interpreter, then as short as possible.
 * @param entry source of the entry, with paths from the repository root
 * @param outside names of properties that whoever is outside of the bundle uses
 */
export async function bundleForDevice(entry: string, outside: readonly string[]): Promise<DeviceBundle> {
  const bundled = await build({
    stdin: { contents: entry, resolveDir: ROOT, loader: "ts" },
    bundle: true,
    write: false,
    format: "iife",
    target: "es2015",
    platform: "neutral",
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    absWorkingDir: join(ROOT),
    logLevel: "silent",
  });
  const older = await toOlderScript(bundled.outputFiles[0]?.text ?? "", {
    configFile: false,
    swcrc: false,
    isModule: false,
    jsc: {
      target: "es5",
      loose: true,
      parser: { syntax: "ecmascript" },
      assumptions: {
        noClassCalls: true,
        setClassMethods: true,
        setPublicClassFields: true,
        ignoreFunctionLength: true,
        ignoreFunctionName: true,
        setSpreadProperties: true,
        iterableIsArray: true,
      },
    },
  });
  const script = plainInstanceof(older.code);
  const minified = await minify(script, {
    ecma: 5,
    compress: { passes: 3, toplevel: true },
    mangle: {
      toplevel: true,
      properties: { builtins: true, reserved: [...outside, ...builtinNames()] },
    },
    format: { ascii_only: true },
  });
  return { script, minified: hoistDeclarations(minified.code ?? "") };
}

/** Puts the operator itself in the place of calls of its helper, and leaves the helper out. */
function plainInstanceof(script: string): string {
  let rest = script;
  for (const node of parse(script, { ecmaVersion: 5 }).body) {
    if (node.type === "FunctionDeclaration" && node.id.name === INSTANCE_HELPER)
      rest = script.slice(0, node.start) + script.slice(node.end);
  }
  return rest.replaceAll(
    new RegExp(`\\b${INSTANCE_HELPER}\\(([\\w.$]+), (\\w+)\\)`, "g"),
    "($1 instanceof $2)",
  );
}

/** Names of the properties of everything that a board's interpreter brings along. */
function builtinNames(): string[] {
  const names = new Set<string>();
  const builtins = [
    Object,
    Array,
    String,
    Number,
    Math,
    Uint8Array,
    DataView,
    Function,
    JSON,
    Error,
    Boolean,
  ];
  for (const builtin of builtins) {
    for (const name of Object.getOwnPropertyNames(builtin)) names.add(name);
    let prototype: unknown = "prototype" in builtin ? builtin.prototype : undefined;
    while (prototype !== null && prototype !== undefined) {
      for (const name of Object.getOwnPropertyNames(prototype)) names.add(name);
      prototype = Object.getPrototypeOf(prototype);
    }
  }
  return [...names];
}
