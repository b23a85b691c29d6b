import { functionTypeText } from "../wasm/value-type.js";
import { GUEST_EXPORTS, GUEST_IMPORT_MODULE, GUEST_IMPORTS, GUEST_MEMORY } from "./guest-abi.js";
import type { ModuleInfo } from "./module-info.js";

const IMPORT_TYPES = new Map(
  Object.entries(GUEST_IMPORTS).map(([name, type]) => [name, functionTypeText(type)]),
);

/**
 * Everything in which a module departs from the EDGELESS guest ABI, one sentence each with the expected type; empty
 * when it keeps to it. A node of the Rust reference can be brought down by a module for which this is not empty.
 */
export function abiFaults(info: ModuleInfo): string[] {
  return [...importFaults(info), ...exportFaults(info)];
}

function importFaults({ imports }: ModuleInfo): string[] {
  const faults: string[] = [];
  for (const { module, name, kind, type } of imports) {
    const full = `${module}.${name}`;
    const expected = module === GUEST_IMPORT_MODULE ? IMPORT_TYPES.get(name) : undefined;
    if (expected === undefined) {
      faults.push(`the import ${full} is not one of: ${[...IMPORT_TYPES.keys()].join(", ")}`);
    } else if (kind !== "function" || type !== expected) {
      faults.push(`the import ${full} is ${kind} ${type}, expected function ${expected}`);
    }
  }
  return faults;
}

function exportFaults({ exports }: ModuleInfo): string[] {
  const faults: string[] = [];
  const byName = new Map(exports.map((item) => [item.name, item]));
  if (byName.get(GUEST_MEMORY)?.kind !== "memory") {
    faults.push(`the export ${GUEST_MEMORY} is missing or is no memory`);
  }
  for (const [name, type] of Object.entries(GUEST_EXPORTS)) {
    const expected = functionTypeText(type);
    const found = byName.get(name);
    if (found === undefined) {
      faults.push(`the export ${name} is missing, expected function ${expected}`);
    } else if (found.kind !== "function" || found.type !== expected) {
      faults.push(`the export ${name} is ${found.kind} ${found.type}, expected function ${expected}`);
    }
  }
  return faults;
}
