import { uniform } from "../../core/random.js";
import { componentNames } from "../../core/workflow.js";
import type { WorkflowFault } from "../../core/workflow-validation.js";
import type { Assignment } from "./assignment.js";
import { type DeploymentFailure, deploy, type Outcome } from "./deployment.js";
import type { Goal } from "./deployment-plan.js";
import type { Domain } from "./domain.js";
import { whyUnsuitable } from "./domain-choice.js";
import { isLive } from "./placement.js";
import { type PlacementContext, pause, untilReady } from "./placement-context.js";
import { placeAcross } from "./spread.js";
import type { WorkflowRecord } from "./workflow-record.js";

const EXPECTED_POLL_MS = 50;

/** Why one domain does not host a workflow. */
export interface DomainRefusal {
  readonly domainId: string;
  readonly reason: string;
}

/** How a placement ended. */
export type PlacementResult =
  | { readonly ok: true; readonly record: WorkflowRecord }
  | { readonly ok: false; readonly refusals: readonly DomainRefusal[] };

/**
 * Deploys what does not run of a workflow: beside the components that still run if their domain takes it, otherwise the
 * whole workflow in another domain that suits, tried in random order until one has started everything. A workflow that no
 * domain can host alone is spread over several domains, if a portal connects them.
 */
export async function placeSomewhere(
  record: WorkflowRecord,
  context: PlacementContext,
  calledOff: () => string | undefined,
): Promise<PlacementResult> {
  const refusals: DomainRefusal[] = [];
  if (record.crossings.length > 0) {
    await whileAnyExpected(context, calledOff);
    const outcome = await placeAcross(record, stayingOf(record, context.domains()), context, calledOff);
    if (outcome?.ok === true) return outcome;
    if (outcome !== undefined) refusals.push(refusalOf(outcome.failure));
  }
  const tried = new Set<string>();
  for (;;) {
    const domainId = await nextCandidate(record, context, tried, calledOff);
    if (domainId === undefined) break;
    tried.add(domainId);
    const outcome = await deploy(record, wholeIn(domainId, record), context, calledOff);
    if (outcome.ok) return outcome;
    refusals.push({ domainId, reason: outcome.failure.reason });
    if (calledOff() !== undefined) break;
  }
  if (tried.size === 0 && calledOff() === undefined) {
    const outcome = await placeAcross(record, new Map(), context, calledOff);
    if (outcome?.ok === true) return outcome;
    if (outcome !== undefined) refusals.push(refusalOf(outcome.failure));
  }
  for (const domain of context.domains().values()) {
    if (domain.presence === "present" && !tried.has(domain.domainId)) {
      const faults = whyUnsuitable(record.workflow, domain);
      if (faults.length > 0) refusals.push({ domainId: domain.domainId, reason: textOf(faults) });
    }
  }
  return { ok: false, refusals };
}

/** Deploys the whole workflow in one given domain; what runs there already stays. */
export async function placeIn(
  domain: Domain,
  record: WorkflowRecord,
  context: PlacementContext,
  calledOff: () => string | undefined,
): Promise<Outcome> {
  await untilReady(domain, context);
  return await deploy(record, wholeIn(domain.domainId, record), context, calledOff);
}

/** The refusals in one text. @param most how many domains to name */
export function describeRefusals(refusals: readonly DomainRefusal[], most: number): string {
  if (refusals.length === 0) return "no domain is registered";
  const named = refusals.slice(0, most).map(({ domainId, reason }) => `${domainId}: ${reason}`);
  const more = refusals.length - named.length;
  return named.join("; ") + (more > 0 ? `; and ${more} more domains` : "");
}

function textOf(faults: readonly WorkflowFault[]): string {
  return faults.map(({ component, reason }) => `component ${component}: ${reason}`).join(", ");
}

function wholeIn(domainId: string, { workflow }: WorkflowRecord): Goal {
  return { assignment: new Map(componentNames(workflow).map((name) => [name, domainId])), crossings: [] };
}

/** Components of a spread workflow stay in their domains, those that are to be started again included. */
function stayingOf(
  { workflow, placements }: WorkflowRecord,
  domains: ReadonlyMap<string, Domain>,
): Assignment {
  const staying = new Map<string, string>();
  for (const name of componentNames(workflow)) {
    const domainId = placements.get(name)?.domainId;
    if (domainId !== undefined && domains.get(domainId)?.presence === "present") staying.set(name, domainId);
  }
  return staying;
}

function refusalOf({ domainId, reason }: DeploymentFailure): DomainRefusal {
  return { domainId, reason };
}

/** Just after a restart of the controller, the domains that it knew are waited for. */
async function whileAnyExpected(
  context: PlacementContext,
  calledOff: () => string | undefined,
): Promise<void> {
  while (calledOff() === undefined && isAnyExpected(context.domains()))
    await pause(EXPECTED_POLL_MS, context);
}

/**
 * Waits, when there is no other choice, for a domain that may still be obeying a reset, and just after a restart of the
 * controller for the domains that it knew.
 */
async function nextCandidate(
  record: WorkflowRecord,
  context: PlacementContext,
  tried: ReadonlySet<string>,
  calledOff: () => string | undefined,
): Promise<string | undefined> {
  for (;;) {
    if (calledOff() !== undefined) return undefined;
    const suitable = [...context.domains().values()].filter(
      (domain) => !tried.has(domain.domainId) && suits(record, domain, context.domains()),
    );
    const nowMs = context.clock.monotonicMs();
    const ready = suitable.filter(({ readyAtMs }) => readyAtMs <= nowMs);
    if (ready.length > 0) return preferred(record, ready, context);
    const soonest = suitable.sort((a, b) => a.readyAtMs - b.readyAtMs)[0];
    if (soonest !== undefined) await untilReady(soonest, context);
    else if (isAnyExpected(context.domains())) await pause(EXPECTED_POLL_MS, context);
    else return undefined;
  }
}

function suits(record: WorkflowRecord, domain: Domain, domains: ReadonlyMap<string, Domain>): boolean {
  if (domain.presence !== "present") return false;
  const toStart = new Set(componentNames(record.workflow));
  for (const placement of record.placements.values()) {
    if (placement.domainId === domain.domainId && isLive(placement, domains))
      toStart.delete(placement.component);
  }
  return whyUnsuitable(record.workflow, domain, toStart).length === 0;
}

/** The domain where most of the workflow runs; among equals one that answers, at random. */
function preferred(record: WorkflowRecord, ready: readonly Domain[], context: PlacementContext): string {
  const domains = context.domains();
  const score = ({ domainId }: Domain) => {
    let running = 0;
    for (const placement of record.placements.values())
      if (placement.domainId === domainId && isLive(placement, domains)) running++;
    return 2 * running + (context.linkOf(domainId)?.responsive === false ? 0 : 1);
  };
  const best = Math.max(...ready.map(score));
  const equals = ready.filter((domain) => score(domain) === best);
  return (equals[Math.floor(uniform(context.random) * equals.length)] as Domain).domainId;
}

function isAnyExpected(domains: ReadonlyMap<string, Domain>): boolean {
  for (const { presence } of domains.values()) if (presence === "expected") return true;
  return false;
}
