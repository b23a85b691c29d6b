import type { Result } from "../core/api.js";
import { EdgelessError } from "../core/errors.js";
import type { WorkflowInstance } from "../core/workflow.js";

/**
 * The workflow that the ε-CON started.
 * @throws EdgelessError EDGELESS_REJECTED with its reason when it started none
 */
export function accepted(result: Result<WorkflowInstance>): WorkflowInstance {
  if (result.ok) return result.value;
  const { summary, detail } = result.error;
  const repeats = detail === undefined || detail === "" || summary.includes(detail);
  throw new EdgelessError("EDGELESS_REJECTED", repeats ? summary : `${summary}: ${shortened(detail)}`);
}

/** A Rust ε-CON puts a dump of the whole request, code included, into the detail. */
function shortened(detail: string): string {
  return detail.length > 500 ? `${detail.slice(0, 500)}…` : detail;
}
