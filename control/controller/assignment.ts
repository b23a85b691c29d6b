import { componentNames, type Workflow } from "../../core/workflow.js";

/** Domain id per component name. */
export type Assignment = ReadonlyMap<string, string>;

/** Steps of the exact search before the best assignment found so far is taken. */
const MOST_STEPS = 50_000;
/** Rounds of improvement of one rough assignment. */
const MOST_ROUNDS = 20;

/**
 * Spreads a workflow over domains with as few output channels between domains as can be found: the best is certain for
 * workflows of a dozen components, and good for larger ones.
 * @param choices domains that each component may go to, the preferred one first
 * @returns undefined when a component may go nowhere
 */
export function assignComponents(
  workflow: Workflow,
  choices: ReadonlyMap<string, readonly string[]>,
): Assignment | undefined {
  const names = componentNames(workflow);
  const options = names.map((name) => choices.get(name) ?? []);
  if (options.some((domains) => domains.length === 0)) return undefined;
  const neighbours = neighboursOf(workflow, names);
  const rough = [...new Set(options.flat())].map((domain) =>
    improve(startWith(domain, options), options, neighbours),
  );
  let best = options.map(([first = ""]) => first);
  for (const candidate of rough) if (cutOf(candidate, neighbours) < cutOf(best, neighbours)) best = candidate;
  best = search(best, options, neighbours);
  return new Map(names.map((name, i) => [name, best[i] ?? ""]));
}

/** Per component the others it is joined with, once per channel. */
function neighboursOf(workflow: Workflow, names: readonly string[]): readonly (readonly number[])[] {
  const index = new Map(names.map((name, i) => [name, i]));
  const neighbours: number[][] = names.map(() => []);
  for (const { name, outputMapping } of [...workflow.functions, ...workflow.resources]) {
    const from = index.get(name);
    for (const target of outputMapping.values()) {
      const to = index.get(target);
      if (from === undefined || to === undefined || from === to) continue;
      neighbours[from]?.push(to);
      neighbours[to]?.push(from);
    }
  }
  return neighbours;
}

function startWith(domain: string, options: readonly (readonly string[])[]): string[] {
  return options.map((domains) => (domains.includes(domain) ? domain : (domains[0] ?? "")));
}

/** Moves single components as long as that saves channels. */
function improve(
  start: readonly string[],
  options: readonly (readonly string[])[],
  neighbours: readonly (readonly number[])[],
): string[] {
  const current = [...start];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    let isChanged = false;
    for (const [i, domains] of options.entries()) {
      const friends = (domain: string) => (neighbours[i] ?? []).filter((j) => current[j] === domain).length;
      let best = current[i] ?? "";
      for (const domain of domains) if (friends(domain) > friends(best)) best = domain;
      if (best === current[i]) continue;
      current[i] = best;
      isChanged = true;
    }
    if (!isChanged) break;
  }
  return current;
}

/** Channels between domains. */
function cutOf(assignment: readonly string[], neighbours: readonly (readonly number[])[]): number {
  let ends = 0;
  for (const [i, others] of neighbours.entries())
    for (const j of others) if (assignment[i] !== assignment[j]) ends++;
  return ends / 2;
}

/** Tries every assignment, except those that are worse than the best one already in part. */
function search(
  start: readonly string[],
  options: readonly (readonly string[])[],
  neighbours: readonly (readonly number[])[],
): string[] {
  let best = [...start];
  let least = cutOf(best, neighbours);
  let steps = 0;
  const current: string[] = [];
  const visit = (i: number, cut: number): void => {
    if (cut >= least || steps++ > MOST_STEPS) return;
    const domains = options[i];
    if (domains === undefined) {
      best = [...current];
      least = cut;
      return;
    }
    for (const domain of domains) {
      const more = (neighbours[i] ?? []).filter((j) => j < i && current[j] !== domain).length;
      current[i] = domain;
      visit(i + 1, cut + more);
    }
    current.length = i;
  };
  visit(0, 0);
  return best;
}
