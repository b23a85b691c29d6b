import type { Uuid } from "../../core/uuid.js";

/** Names the node that started a container: how it finds what a former life left behind. */
export const NODE_LABEL = "edgeless.node_id";

/** The labels of a container. */
export function containerLabels(
  nodeId: Uuid,
  functionId: Uuid,
  workflowId: string,
): Readonly<Record<string, string>> {
  return {
    [NODE_LABEL]: nodeId,
    "edgeless.function_id": functionId,
    "edgeless.workflow_id": workflowId,
  };
}
