import type { WorkflowApi } from "../core/api.js";
import type { Clock } from "../core/clock.js";
import { EdgelessError } from "../core/errors.js";
import type { Uuid } from "../core/uuid.js";
import { componentRows } from "./format.js";

/** How often the state is asked for. */
const POLL_MS = 100;

/**
 * Waits until every component of a workflow runs. An ε-CON that reports no states counts as running once it placed all.
 * @throws EdgelessError EDGELESS_TIMEOUT naming the components that do not run and why, EDGELESS_REJECTED when one failed
 */
export async function waitUntilRunning(
  api: WorkflowApi,
  id: Uuid,
  timeoutMs: number,
  clock: Clock,
): Promise<void> {
  const endMs = clock.monotonicMs() + timeoutMs;
  for (;;) {
    const rows = componentRows(await api.inspect(id));
    const missing = rows.filter(({ state }) => state !== "running" && state !== "unknown");
    if (missing.length === 0) return;
    const why = missing.map(
      ({ name, state, reason }) => `${name} is ${state}${reason === "" ? "" : ` (${reason})`}`,
    );
    if (missing.some(({ state }) => state === "failed")) {
      throw new EdgelessError("EDGELESS_REJECTED", `workflow ${id} cannot run: ${why.join("; ")}`);
    }
    if (clock.monotonicMs() >= endMs) {
      throw new EdgelessError(
        "EDGELESS_TIMEOUT",
        `workflow ${id} is not running after ${timeoutMs / 1000} s: ${why.join("; ")}`,
      );
    }
    await new Promise<void>((resolve) => void clock.setTimer(POLL_MS, resolve));
  }
}
