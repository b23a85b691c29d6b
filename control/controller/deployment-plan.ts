import type { Patch } from "../../core/api.js";
import type { Uuid } from "../../core/uuid.js";
import type { Workflow, WorkflowFunction, WorkflowResource } from "../../core/workflow.js";
import type { Assignment } from "./assignment.js";
import type { Crossing } from "./crossing.js";
import type { ComponentKind, Placement } from "./placement.js";

/** Where a workflow should be. */
export interface Goal {
  /** For the portal resources of the crossings too. */
  readonly assignment: Assignment;
  readonly crossings: readonly Crossing[];
}

/** One component to start. */
export type StartStep =
  | { readonly kind: "function"; readonly domainId: string; readonly item: WorkflowFunction }
  | { readonly kind: "resource"; readonly domainId: string; readonly item: WorkflowResource };

/** How to get from what runs to an assignment. */
export interface DeploymentPlan {
  /** In the order of the request, functions before resources. */
  readonly starts: readonly StartStep[];
  /** What runs where it should. */
  readonly kept: ReadonlyMap<string, Placement>;
  /** What has no place in the assignment or no longer runs; to be stopped at the end where it may still run. */
  readonly obsolete: readonly Placement[];
}

/** One patch and the domain and service it goes to. */
export interface PatchStep {
  readonly domainId: string;
  readonly kind: ComponentKind;
  readonly patch: Patch<Uuid>;
}

/**
 * Plans a deployment: what already runs in the right domain stays, the rest is started.
 * @param current placements so far, by component name
 * @param runs tells whether a placement is alive
 */
export function planDeployment(
  workflow: Workflow,
  assignment: Assignment,
  current: ReadonlyMap<string, Placement>,
  runs: (placement: Placement) => boolean,
): DeploymentPlan {
  const starts: StartStep[] = [];
  const kept = new Map<string, Placement>();
  const consider = (name: string, start: (domainId: string) => StartStep) => {
    const domainId = assignment.get(name);
    if (domainId === undefined) return;
    const placement = current.get(name);
    if (placement !== undefined && placement.domainId === domainId && runs(placement))
      kept.set(name, placement);
    else starts.push(start(domainId));
  };
  for (const item of workflow.functions)
    consider(item.name, (domainId) => ({ kind: "function", domainId, item }));
  for (const item of workflow.resources)
    consider(item.name, (domainId) => ({ kind: "resource", domainId, item }));
  const obsolete = [...current].filter(([name]) => !kept.has(name)).map(([, placement]) => placement);
  return { starts, kept, obsolete };
}

/**
 * The patches that wire `placements`: one per component with outputs, with all of its channels.
 * @param before placements for which the wiring is already done; a component is left out when neither it nor any of
 *   its targets moved since
 */
export function patchesOf(
  workflow: Workflow,
  placements: ReadonlyMap<string, Placement>,
  before: ReadonlyMap<string, Placement>,
): PatchStep[] {
  const moved = (name: string) => placements.get(name)?.logicalId !== before.get(name)?.logicalId;
  const steps: PatchStep[] = [];
  for (const { name, outputMapping } of [...workflow.functions, ...workflow.resources]) {
    const source = placements.get(name);
    if (source === undefined || outputMapping.size === 0) continue;
    if (!moved(name) && ![...outputMapping.values()].some(moved)) continue;
    const outputs = new Map<string, Uuid>();
    for (const [channel, target] of outputMapping) {
      const placement = placements.get(target);
      if (placement !== undefined) outputs.set(channel, placement.logicalId);
    }
    const patch = { source: source.logicalId, outputs };
    steps.push({ domainId: source.domainId, kind: source.kind, patch });
  }
  return steps;
}
