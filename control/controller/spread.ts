import { componentNames } from "../../core/workflow.js";
import { type Assignment, assignComponents } from "./assignment.js";
import { type Crossing, crossingChannels, isSameWay, withCrossingDomains } from "./crossing.js";
import { deploy, type Outcome } from "./deployment.js";
import type { Domain } from "./domain.js";
import { whyUnsuitable } from "./domain-choice.js";
import { isLive } from "./placement.js";
import { type PlacementContext, untilReady } from "./placement-context.js";
import { findPortal, type Portal } from "./portal.js";
import type { WorkflowRecord } from "./workflow-record.js";

/**
 * Deploys a workflow over several domains that a portal connects, with as few channels between them as possible.
 * @param pinned domain of components that must go there
 * @returns undefined when there is no portal and nothing to say about it
 */
export async function placeAcross(
  record: WorkflowRecord,
  pinned: Assignment,
  context: PlacementContext,
  calledOff: () => string | undefined,
): Promise<Outcome | undefined> {
  const domains = context.domains();
  const portal = findPortal(domains);
  if (portal === undefined) return undefined;
  const fail = (reason: string): Outcome => ({
    ok: false,
    failure: { domainId: portal.domainId, reason, answered: true },
  });
  const choices = new Map<string, readonly string[]>();
  for (const name of componentNames(record.workflow)) {
    const choice = choicesFor(name, record, pinned.get(name), portal, domains);
    if (choice.length === 0) return fail(`component ${name}: no domain connected to the portal can host it`);
    choices.set(name, choice);
  }
  const assignment = assignComponents(record.workflow, choices);
  if (assignment === undefined) return fail("no assignment to domains was found");
  const used = [portal.domainId, ...assignment.values()];
  for (const domainId of new Set(used)) {
    const domain = domains.get(domainId);
    if (domain !== undefined) await untilReady(domain, context);
  }
  const crossings = await crossingsFor(record, assignment, portal, context);
  return await deploy(
    record,
    { assignment: withCrossingDomains(assignment, crossings), crossings },
    context,
    calledOff,
  );
}

/** Where a component may go, where it runs now first. */
function choicesFor(
  name: string,
  { workflow, placements }: WorkflowRecord,
  pinned: string | undefined,
  portal: Portal,
  domains: ReadonlyMap<string, Domain>,
): string[] {
  const placement = placements.get(name);
  const home = placement !== undefined && isLive(placement, domains) ? placement.domainId : undefined;
  const connected = [...portal.connected].sort();
  const candidates = pinned === undefined ? connected : connected.filter((id) => id === pinned);
  const fitting = candidates.filter((domainId) => {
    const domain = domains.get(domainId);
    if (domain === undefined) return false;
    return domainId === home || whyUnsuitable(workflow, domain, new Set([name])).length === 0;
  });
  return fitting.sort((a, b) => Number(b === home) - Number(a === home));
}

/** Ways that exist already keep their bridges. */
async function crossingsFor(
  { workflow, crossings }: WorkflowRecord,
  assignment: Assignment,
  portal: Portal,
  { portalIds }: PlacementContext,
): Promise<Crossing[]> {
  const taken = new Set(componentNames(workflow));
  const result: Crossing[] = [];
  for (const way of crossingChannels(workflow, assignment, portal.domainId)) {
    const known = crossings.find((crossing) => isSameWay(crossing, way));
    result.push(known ?? { ...way, id: await portalIds.draw(taken) });
  }
  return result;
}
