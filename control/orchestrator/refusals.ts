import type { ResponseError } from "../../core/api.js";
import type { Spawn } from "./commands.js";
import type { DomainTables } from "./domain-tables.js";

/** No node takes a component, with the reason of each node. */
export function noNodeFor(spawn: Spawn, tables: DomainTables, reasons: readonly string[]): ResponseError {
  const why = reasons.length === 0 ? "no node is registered" : reasons.join("; ");
  if (spawn.kind === "function") {
    return {
      summary: `Could not start function ${spawn.request.code.id}`,
      detail: `no valid node found: ${why}`,
    };
  }
  const { classType } = spawn.specification;
  for (const { placement } of tables.nodes.values()) {
    if (placement.providers.some((provider) => provider.classType === classType))
      return { summary: "could not start resource", detail: `class_type: ${classType}: ${why}` };
  }
  return { summary: "class type not found", detail: `class_type: ${classType}` };
}

/** More instances of a function class than `max_instances` allows. */
export function tooManyInstances(spawn: Spawn, limit: number, what: string): ResponseError {
  const name = spawn.kind === "function" ? functionClassName(spawn.request.code) : "";
  return {
    summary: `Could not start function ${spawn.kind === "function" ? spawn.request.code.id : ""}`,
    detail: `no valid node found: max_instances of ${name} is ${limit} and ${what}`,
  };
}

/** A deployment requirement that cannot be read. */
export function badRequirement(spawn: Spawn, key: string, reason: string): ResponseError {
  const summary =
    spawn.kind === "function"
      ? `Could not start function ${spawn.request.code.id}`
      : "could not start resource";
  return { summary, detail: `deployment requirement ${key}: ${reason}` };
}

function functionClassName(code: { id: string; version: string; functionType: string }): string {
  return `${code.id} ${code.version} (${code.functionType})`;
}
