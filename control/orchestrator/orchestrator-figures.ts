import type { ComponentState } from "../../core/status.js";
import { countBy } from "../../platform/count-by.js";
import type { ComponentKind, Spawn } from "./commands.js";
import { statusOf } from "./component-status.js";
import type { DomainTables } from "./domain-tables.js";
import type { NodeRecord } from "./node-record.js";
import type { OrchestratorFigures } from "./orchestrator-metrics.js";

const NODE_STATES = ["usable", "suspect", "cordoned", "expected"];
const COMPONENT_STATES: readonly ComponentState[] = ["pending", "starting", "running", "crashed", "failed"];

/** What an ε-ORC has, for its metrics page. */
export function figuresOf(tables: DomainTables): OrchestratorFigures {
  const components = [...tables.components.values()];
  const byState = (kind: ComponentKind) =>
    countBy(
      components.filter(({ spawn }) => spawn.kind === kind),
      (component) => statusOf(component, tables).state,
      COMPONENT_STATES,
    );
  return {
    nodes: countBy(tables.nodes.values(), (node) => stateOf(node, tables), NODE_STATES),
    functions: byState("function"),
    resources: byState("resource"),
    workflows: new Set(components.map(({ spawn }) => workflowOf(spawn))).size,
  };
}

function stateOf({ nodeId, seen, suspicion }: NodeRecord, { cordoned }: DomainTables): string {
  if (!seen) return "expected";
  if (cordoned.has(nodeId)) return "cordoned";
  return suspicion === undefined ? "usable" : "suspect";
}

function workflowOf(spawn: Spawn): string {
  return spawn.kind === "function" ? spawn.request.workflowId : spawn.specification.workflowId;
}
