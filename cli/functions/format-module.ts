import type { ModuleInfo } from "../../toolchain/image/module-info.js";
import type { ImageTarget, TargetVerdict } from "../../toolchain/image/target-verdict.js";
import { alignColumns } from "../format.js";

const TARGETS: Readonly<Record<ImageTarget, string>> = {
  "rust-node": "node of EDGELESS 1.2",
  node: "node of edgeless-ts",
  device: "device with a WebAssembly engine",
};

/** A module and where it runs, for a person. */
export function formatModule(
  file: string,
  info: ModuleInfo,
  abiFaults: readonly string[],
  targets: readonly TargetVerdict[],
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
  const verdicts = targets.flatMap(({ target, runs, reasons }) => [
    [TARGETS[target], runs ? "runs" : "does not run"],
    ...reasons.map((reason) => ["", reason]),
  ]);
  return [
    `${file}: ${info.bytes} bytes, ${info.functions} functions`,
    indent(facts),
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

function indent(rows: readonly (readonly string[])[]): string {
  return alignColumns(rows).replace(/^(?=.)/gm, "  ");
}
