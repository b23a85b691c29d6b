import type { StringMap } from "../../core/specification.js";
import type { Workflow, WorkflowResource } from "../../core/workflow.js";
import type { Assignment } from "./assignment.js";
import { PORTAL_CLASS } from "./portal.js";

/** An output channel that leads from one domain to another, through the portal. */
export interface Crossing {
  /** Number of the bridge out of the first domain; the bridge into the second has the next one. */
  readonly id: number;
  readonly source: string;
  readonly channel: string;
  readonly target: string;
  readonly from: string;
  readonly to: string;
  /** The portal domain. */
  readonly portal: string;
}

/** Names of the resources of a crossing. */
export function crossingNames({ id }: Pick<Crossing, "id">) {
  return {
    sinkLocal: `portal-${id}-sink-local`,
    sinkPortal: `portal-${id}-sink-portal`,
    sourcePortal: `portal-${id + 1}-source-portal`,
    sourceLocal: `portal-${id + 1}-source-local`,
  };
}

/** The channels that lead to another domain under an assignment, in the order of the workflow. */
export function crossingChannels(
  workflow: Workflow,
  assignment: Assignment,
  portal: string,
): Omit<Crossing, "id">[] {
  const channels: Omit<Crossing, "id">[] = [];
  for (const { name: source, outputMapping } of [...workflow.functions, ...workflow.resources]) {
    const from = assignment.get(source);
    for (const [channel, target] of outputMapping) {
      const to = assignment.get(target);
      if (from !== undefined && to !== undefined && from !== to)
        channels.push({ source, channel, target, from, to, portal });
    }
  }
  return channels;
}

/** True when both are the same way; the numbers of their bridges may differ. */
export function isSameWay(a: Omit<Crossing, "id">, b: Omit<Crossing, "id">): boolean {
  return (
    a.source === b.source &&
    a.channel === b.channel &&
    a.target === b.target &&
    a.from === b.from &&
    a.to === b.to &&
    a.portal === b.portal
  );
}

/** The workflow as it is deployed: four portal resources per crossing, and the channel led to the first of them. */
export function withCrossings(workflow: Workflow, crossings: readonly Crossing[]): Workflow {
  if (crossings.length === 0) return workflow;
  const redirected = <T extends { readonly name: string; readonly outputMapping: StringMap }>(item: T): T => {
    const own = crossings.filter(({ source }) => source === item.name);
    if (own.length === 0) return item;
    const outputMapping = new Map(item.outputMapping);
    for (const crossing of own) outputMapping.set(crossing.channel, crossingNames(crossing).sinkLocal);
    return { ...item, outputMapping };
  };
  return {
    ...workflow,
    functions: workflow.functions.map(redirected),
    resources: [...workflow.resources.map(redirected), ...crossings.flatMap(resourcesOf)],
  };
}

/** Where the portal resources go, added to an assignment. */
export function withCrossingDomains(assignment: Assignment, crossings: readonly Crossing[]): Assignment {
  const all = new Map(assignment);
  for (const crossing of crossings) {
    const names = crossingNames(crossing);
    all.set(names.sinkLocal, crossing.from);
    all.set(names.sinkPortal, crossing.portal);
    all.set(names.sourcePortal, crossing.portal);
    all.set(names.sourceLocal, crossing.to);
  }
  return all;
}

function resourcesOf(crossing: Crossing): WorkflowResource[] {
  const { id, from, to, target } = crossing;
  const names = crossingNames(crossing);
  const half = (
    name: string,
    configuration: Readonly<Record<string, string>>,
    next: string | undefined,
  ): WorkflowResource => ({
    name,
    classType: PORTAL_CLASS,
    outputMapping: next === undefined ? new Map() : new Map([["out", next]]),
    configurations: new Map(Object.entries(configuration)),
  });
  const out = `${id}`;
  const into = `${id + 1}`;
  return [
    half(names.sinkLocal, { role: "sink", domain: "local", id: out }, undefined),
    half(
      names.sinkPortal,
      { role: "sink", domain: "portal", domain_name: from, id: out },
      names.sourcePortal,
    ),
    half(names.sourcePortal, { role: "source", domain: "portal", domain_name: to, id: into }, undefined),
    half(names.sourceLocal, { role: "source", domain: "local", id: into }, target),
  ];
}
