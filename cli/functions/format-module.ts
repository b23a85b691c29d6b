import type { ModuleInfo } from "../../toolchain/image/module-info.js";
import { alignColumns } from "../format.js";
import type { ModuleVerdict } from "./module-verdicts.js";

const TARGETS: Readonly<Record<ModuleVerdict["target"], string>> = {
  "rust-node": "node of EDGELESS 1.2",
  node: "node of edgeless-ts",
  device: "board with a WebAssembly engine",
  board: "ESP32 with Espruino, translated",
};

/** A module and where it runs, for a person. */
export function formatModule(
  file: string,
  info: ModuleInfo,
  abiFaults: readonly string[],
  targets: readonly ModuleVerdict[],
): string {
  const { memory } = info;
  const pages =
    memory === undefined
      ? "none"
      : `${memory.minPages} × 64 KiB, at most ${memory.maxPages ?? "what the host grants"}`;
  const facts = [
    ["guest ABI", abiFaults.length === 0 ? "kept" : "broken"],
    ["memory", pages],
    ["features", info.features.join(", ") || "WebAssembly 1.0"],
    ["start function", info.hasStartFunction ? "yes" : "no"],
    ["sections", info.sections.map(({ name, bytes }) => `${name} ${bytes}`).join(", ")],
  ];
  const imports = info.imports.map(({ module, name, kind, type }) => [`${module}.${name}`, kind, type]);
  const exports = info.exports.map(({ name, kind, type }) => [name, kind, type]);
  const verdicts = targets.flatMap(({ target, runs, reasons, translated }) => [
    [TARGETS[target], runs ? `runs${sizeOf(translated)}` : "does not run"],
    ...reasons.filter((reason) => !abiFaults.includes(reason)).map((reason) => ["", reason]),
  ]);
  return [
    `${file}: ${info.bytes} bytes, ${info.functions} ${info.functions === 1 ? "function" : "functions"}`,
    indent(facts),
    ...(abiFaults.length === 0 ? [] : ["against the guest ABI", indent(abiFaults.map((fault) => [fault]))]),
    "imports",
    indent(imports),
    "exports",
    indent(exports),
    "where it runs",
    indent(verdicts),
  ]
    .filter((part) => part !== "")
    .join("\n");
}

function sizeOf(translated: ModuleVerdict["translated"]): string {
  return translated === undefined
    ? ""
    : `, as ${translated.bytes} bytes of JavaScript with ${translated.memoryBytes} bytes of memory`;
}

function indent(rows: readonly (readonly string[])[]): string {
  return alignColumns(rows).replace(/^(?=.)/gm, "  ");
}
