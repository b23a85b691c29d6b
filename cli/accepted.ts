import type { ResponseError, Result } from "../core/api.js";
import { EdgelessError } from "../core/errors.js";
import type { WorkflowInstance } from "../core/workflow.js";

/**
 * The workflow that the ε-CON started.
 * @throws EdgelessError EDGELESS_REJECTED with its reason when it started none
 */
export function accepted(result: Result<WorkflowInstance>): WorkflowInstance {
  if (result.ok) return result.value;
  throw new EdgelessError("EDGELESS_REJECTED", describeRefusal(result.error));
}

/**
 * A refusal of the ε-CON in one line.
 * @param said what the text around it names already
 */
export function describeRefusal({ summary, detail }: ResponseError, said: readonly string[] = []): string {
  if (detail === undefined || detail === "" || summary.includes(detail) || said.includes(detail))
    return summary;
  return `${summary}: ${shortened(detail)}`;
}

/** A Rust ε-CON answers with a dump of the whole request, code included, and keeps the reason for its log. */
const REQUEST_DUMP = /^could not (start|migrate) workflow: SpawnWorkflowRequest \{/;

function shortened(detail: string): string {
  if (REQUEST_DUMP.test(detail)) return "the controller does not tell the reason, look into its log";
  return detail.length > 500 ? `${detail.slice(0, 500)}…` : detail;
}
