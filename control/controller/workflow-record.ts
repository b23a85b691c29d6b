import type { Uuid } from "../../core/uuid.js";
import type { Workflow } from "../../core/workflow.js";
import { type Crossing, withCrossings } from "./crossing.js";
import type { Placement } from "./placement.js";

/** A workflow that was accepted, and where its components are. */
export interface WorkflowRecord {
  readonly workflowId: Uuid;
  /** As the client sent it. */
  readonly workflow: Workflow;
  /** State id per function name: the same at each placement, so that state kept on nodes is found again. */
  readonly stateIds: ReadonlyMap<string, Uuid>;
  /** The channels that lead from one domain to another. */
  readonly crossings: readonly Crossing[];
  /** By component name, those of the portal resources of the crossings included; whether they still exist is told by `isLive`. */
  readonly placements: ReadonlyMap<string, Placement>;
}

/** The workflow as it is deployed, with the portal resources of its crossings. */
export function deployedWorkflow({
  workflow,
  crossings,
}: Pick<WorkflowRecord, "workflow" | "crossings">): Workflow {
  return withCrossings(workflow, crossings);
}
