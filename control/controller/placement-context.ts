import type { Clock } from "../../core/clock.js";
import type { Random } from "../../core/random.js";
import type { DeploymentContext } from "./deployment.js";
import type { Domain } from "./domain.js";
import type { PortalIds } from "./portal-ids.js";

/** What a placement works with. */
export interface PlacementContext extends DeploymentContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly portalIds: PortalIds;
}

/** Waits while a domain may still be obeying a reset. */
export async function untilReady({ readyAtMs }: Domain, context: PlacementContext): Promise<void> {
  const waitMs = readyAtMs - context.clock.monotonicMs();
  if (waitMs > 0) await pause(waitMs, context);
}

export function pause(ms: number, { clock }: PlacementContext): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(ms, resolve);
  });
}
