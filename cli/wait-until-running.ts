import type { WorkflowApi } from "../core/api.js";
import type { Clock } from "../core/clock.js";
import { EdgelessError } from "../core/errors.js";
import type { Uuid } from "../core/uuid.js";
import { type ComponentRow, componentRows } from "./format.js";

/** How often the state is asked for. */
const POLL_MS = 100;

/**
 * Waits until every component of a workflow runs. An ε-CON that reports no states counts as running once it placed all.
 * @throws EdgelessError EDGELESS_NOT_RUNNING naming the components that do not run and why, at once when one failed
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
    const why = missing.map(describe).join("; ");
    if (missing.some(({ state }) => state === "failed")) {
      throw new EdgelessError("EDGELESS_NOT_RUNNING", `workflow ${id} cannot run: ${why}`);
    }
    if (clock.monotonicMs() >= endMs) {
      throw new EdgelessError(
        "EDGELESS_NOT_RUNNING",
        `workflow ${id} does not run after ${timeoutMs / 1000} s: ${why}`,
      );
    }
    await new Promise<void>((resolve) => void clock.setTimer(POLL_MS, resolve));
  }
}

function describe({ name, state, restarts, reason }: ComponentRow): string {
  const because = reason === "" ? "" : `: ${reason}`;
  if (state !== "crashed") return `${name} is ${state}${because}`;
  return `${name} crashed${because} (${times(restarts)} so far)`;
}

function times(restarts: number): string {
  if (restarts === 0) return "not started again";
  return restarts === 1 ? "started again once" : `started again ${restarts} times`;
}
