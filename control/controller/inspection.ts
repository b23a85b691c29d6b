import type { ComponentStatus } from "../../core/status.js";
import { NIL_UUID } from "../../core/uuid.js";
import {
  type ComponentMapping,
  componentNames,
  type Workflow,
  type WorkflowInstance,
} from "../../core/workflow.js";
import type { Domain } from "./domain.js";
import { isLive } from "./placement.js";
import { deployedWorkflow, type WorkflowRecord } from "./workflow-record.js";

/**
 * What a client is told of a workflow: where its components run and how they are.
 * A component that waits for a domain has no mapping; its status carries the nil id and its name in the reason.
 * A component in a domain that does not report states has a mapping only.
 * @param waitingFor why components wait
 */
export function describeInstance(
  record: WorkflowRecord,
  domains: ReadonlyMap<string, Domain>,
  waitingFor: string,
): WorkflowInstance {
  const mapping: ComponentMapping[] = [];
  const statuses: ComponentStatus[] = [];
  for (const name of componentNames(deployedWorkflow(record))) {
    const placement = record.placements.get(name);
    if (placement === undefined || !isLive(placement, domains)) {
      const reason = `${name}: ${waitingFor}`;
      statuses.push({ logicalId: NIL_UUID, state: "pending", restarts: 0, reason });
      continue;
    }
    const { logicalId, domainId } = placement;
    mapping.push({ name, logicalId, domainId });
    const reported = domains.get(domainId)?.components;
    if (reported === undefined) continue;
    const status = reported.find((item) => item.logicalId === logicalId);
    statuses.push(status ?? { logicalId, state: "starting", restarts: 0, reason: "" });
  }
  return { workflowId: record.workflowId, mapping, statuses };
}

/** The workflow without the code of its functions, which nobody inspects. */
export function withoutCode(workflow: Workflow): Workflow {
  return {
    ...workflow,
    functions: workflow.functions.map((item) => {
      const { binary: _binary, ...functionClass } = item.functionClass;
      return { ...item, functionClass };
    }),
  };
}
