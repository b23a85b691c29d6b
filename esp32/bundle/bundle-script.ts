import { transform as toOlderScript } from "@swc/core";
import { build, type Plugin } from "esbuild";
import { minify } from "terser";
import { COLD_NAMES, type SplitScript, splitColdFunctions } from "./cold-functions.js";
import { constantsInPlace } from "./constants-in-place.js";
import { directMethods, directName } from "./direct-methods.js";
import { hoistDeclarations } from "./hoist-declarations.js";
import { importedSources, type RenamedSources, uniqueMethods } from "./unique-methods.js";

/** Modules of the interpreter. */
const BOARD_MODULES: readonly string[] = ["Storage", "Wifi", "dgram", "crypto"];

/** What is to be bundled. */
export interface BundleOptions {
  /** Folder that paths in the entry start from. */
  readonly root: string;
  /** Source of the entry, TypeScript. */
  readonly entry: string;
  /** Names of members that belong to whoever is outside of the bundle. */
  readonly outside: readonly string[];
  /** Names of methods of the bundle that are called from outside; the entry counts as outside. */
  readonly called?: readonly string[];
  /** Functions of the outermost scope that stay in memory, and methods as `Class.method`. */
  readonly hot: readonly string[];
}

/** Steps of a bundle, as text. */
export interface DeviceBundle {
  /** ES5, one script, readable. */
  readonly script: string;
  /** The same minified, with all declarations at the start of their functions. */
  readonly minified: string;
  /** The same in two parts, as a board gets it. */
  readonly split: SplitScript;
  /** Short names in the outermost scope by what they are in `script`. */
  readonly names: ReadonlyMap<string, string>;
  /** Short names of members by what they are in `script`. */
  readonly members: ReadonlyMap<string, string>;
}

/**
 * Bundles device sources: one ES2015 script, classes turned into functions, ES5 for a plain interpreter, as short as possible,
 * declarations first, and what seldom runs apart from what stays in memory.
 */
export async function bundleScript(options: BundleOptions): Promise<DeviceBundle> {
  const called = new Set(options.called);
  const outside = new Set([...options.outside, ...called, ...builtinNames()]);
  const sources = uniqueMethods(options.root, importedSources(options.root, options.entry), called);
  const bundled = await build({
    stdin: { contents: options.entry, resolveDir: options.root, loader: "ts" },
    bundle: true,
    write: false,
    // Leaves the interpreter's own `require` as it is.
    format: "cjs",
    external: [...BOARD_MODULES],
    target: "es2015",
    platform: "neutral",
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    absWorkingDir: options.root,
    logLevel: "silent",
    // Puts constants where they are used.
    minifySyntax: true,
    plugins: [renaming(sources)],
  });
  const hotNames = new Set(options.hot.flatMap(scriptNames));
  const direct = directMethods(bundled.outputFiles[0]?.text ?? "", outside);
  const plain = constantsInPlace(direct, hotNames);
  const older = await toOlderScript(plain, {
    configFile: false,
    swcrc: false,
    isModule: false,
    jsc: {
      target: "es5",
      loose: true,
      parser: { syntax: "ecmascript" },
      assumptions: { ignoreFunctionLength: true, ignoreFunctionName: true, iterableIsArray: true },
    },
  });
  const script = plainInstanceof(older.code);
  const names: Record<"vars" | "props", { props?: Record<string, string> } | undefined> = {
    vars: undefined,
    props: undefined,
  };
  const minified = await minify(script, {
    ecma: 5,
    // A function that is used once stays one: in place it would be made anew at each use.
    compress: { passes: 3, toplevel: true, reduce_funcs: false, inline: 1 },
    mangle: {
      toplevel: true,
      reserved: [...COLD_NAMES],
      properties: { builtins: true, reserved: [...outside] },
    },
    format: { ascii_only: true },
    nameCache: names,
  });
  const hoisted = hoistDeclarations(minified.code ?? "");
  const shortNames = (kind: "vars" | "props") =>
    new Map(Object.entries(names[kind]?.props ?? {}).map(([name, text]) => [name.slice(1), text]));
  const short = shortNames("vars");
  const hot = new Set([...hotNames].map((name) => short.get(name) ?? name));
  return {
    script,
    minified: hoisted,
    split: splitColdFunctions(hoisted, hot),
    names: short,
    members: shortNames("props"),
  };
}

function renaming(sources: RenamedSources): Plugin {
  return {
    name: "unique-methods",
    setup: (step) => {
      step.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const contents = sources.text(path);
        return contents === undefined ? undefined : { contents, loader: "ts" };
      });
    },
  };
}

/** What the earlier steps may make of the name of a function or method: one that an interface asks for keeps its own. */
export function scriptNames(name: string): readonly string[] {
  const [className = "", method] = name.split(".");
  if (method === undefined) return [name];
  return [directName(className, `${className}_${method}`), directName(className, method)];
}

/** Helper of the ES5 step that looks at symbols, which no board has. */
const INSTANCE_HELPER = "_instanceof";

/** Puts the operator itself in the place of calls of its helper, and leaves the helper out. */
function plainInstanceof(script: string): string {
  let rest = script;
  const from = script.indexOf(`function ${INSTANCE_HELPER}(`);
  if (from >= 0) {
    let depth = 0;
    let at = script.indexOf("{", from);
    do {
      if (script[at] === "{") depth++;
      if (script[at] === "}") depth--;
      at++;
    } while (depth > 0);
    rest = script.slice(0, from) + script.slice(at);
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
