import type { FunctionClass, StringMap } from "./specification.js";
import type { ComponentStatus } from "./status.js";
import type { Uuid } from "./uuid.js";

/** Proto message `WorkflowFunction`. */
export interface WorkflowFunction {
  readonly name: string;
  readonly functionClass: FunctionClass;
  /** Output channel to component name. */
  readonly outputMapping: StringMap;
  readonly annotations: StringMap;
}

/** Proto message `WorkflowResource`. */
export interface WorkflowResource {
  readonly name: string;
  readonly classType: string;
  /** Output channel to component name. */
  readonly outputMapping: StringMap;
  /** Settings of the resource and its deployment requirements, in one map. */
  readonly configurations: StringMap;
}

/** Proto message `SpawnWorkflowRequest`: a workflow as the user wrote it. */
export interface Workflow {
  readonly functions: readonly WorkflowFunction[];
  readonly resources: readonly WorkflowResource[];
  readonly annotations: StringMap;
}

/** Names of all components, functions first, in the order of the request. */
export function componentNames(workflow: Workflow): string[] {
  return [...workflow.functions, ...workflow.resources].map(({ name }) => name);
}

/** Where a component was placed. Proto message `WorkflowFunctionMapping`. */
export interface ComponentMapping {
  readonly name: string;
  readonly logicalId: Uuid;
  readonly domainId: string;
}

/** Proto message `WorkflowInstanceStatus`; the mapping is empty while the workflow waits for a domain. */
export interface WorkflowInstance {
  readonly workflowId: Uuid;
  readonly mapping: readonly ComponentMapping[];
  /** State per component as far as known; empty from a Rust ε-CON. */
  readonly statuses: readonly ComponentStatus[];
}

/** Proto message `WorkflowInstanceInfo`. */
export interface WorkflowInfo {
  readonly workflow: Workflow;
  readonly instance: WorkflowInstance;
}
