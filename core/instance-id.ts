import { FUNCTION_ID_NONE, NODE_ID_NONE, type Uuid } from "./uuid.js";

/** A physical instance (PID): a function or resource instance on a node. Proto message `InstanceId`. */
export interface InstanceId {
  readonly nodeId: Uuid;
  /** Function or resource instance on that node. */
  readonly functionId: Uuid;
}

/** Stands for "no instance": the source of events injected from outside. */
export const INSTANCE_NONE: InstanceId = { nodeId: NODE_ID_NONE, functionId: FUNCTION_ID_NONE };

/** True when both name the same instance. */
export function sameInstance(a: InstanceId, b: InstanceId): boolean {
  return a.functionId === b.functionId && a.nodeId === b.nodeId;
}

/** The text that the EDGELESS programs print for an instance id. */
export function formatInstanceId(id: InstanceId): string {
  return `InstanceId(node_id: ${id.nodeId}, function_id: ${id.functionId})`;
}
