import type { Random } from "../../core/random.js";
import type { Uuid } from "../../core/uuid.js";
import type { ComponentRecord } from "./component-record.js";
import type { DomainTables } from "./domain-tables.js";
import { providerCount, whyUnfit } from "./fitness.js";
import { isUsable, type NodeRecord } from "./node-record.js";
import { type Candidate, drawWeighted, powerOf, RoundRobin, type Strategy } from "./node-selection.js";

/** Where a component should go. */
export type Choice =
  | { readonly type: "node"; readonly nodeId: Uuid }
  /** Nothing now; `isWaiting`: a node that fits has not reported since the ε-ORC started. */
  | { readonly type: "none"; readonly isWaiting: boolean; readonly reasons: readonly string[] };

/** Reasons told one by one before the rest is only counted. */
const REASONS_TOLD = 12;

/** Chooses nodes for components. */
export class Placer {
  readonly #tables: DomainTables;
  readonly #strategy: Strategy;
  readonly #random: Random;
  readonly #turns = new RoundRobin();

  constructor(tables: DomainTables, strategy: Strategy, random: Random) {
    this.#tables = tables;
    this.#strategy = strategy;
    this.#random = random;
  }

  /** A node that fits, can be reached and did not fail to start the component in this round. */
  choose(component: ComponentRecord, nowMs: number): Choice {
    const candidates: Candidate[] = [];
    for (const node of this.#tables.nodes.values()) {
      if (this.whyNot(component, node, nowMs) === undefined)
        candidates.push({ nodeId: node.nodeId, weight: weightOf(component, node) });
    }
    const favourites = [component.preferred, component.home];
    for (const favourite of favourites)
      if (favourite !== undefined && candidates.some(({ nodeId }) => nodeId === favourite))
        return { type: "node", nodeId: favourite };
    const takesTurns = component.spawn.kind === "function" && this.#strategy === "RoundRobin";
    const nodeId = takesTurns ? this.#turns.next(candidates) : drawWeighted(candidates, this.#random);
    if (nodeId !== undefined) return { type: "node", nodeId };
    return this.#none(component, nowMs);
  }

  /** Tells why a component cannot go to a node now; undefined when it can. */
  whyNot(component: ComponentRecord, node: NodeRecord, nowMs: number): string | undefined {
    const unfit = whyUnfit(node.placement, component.spawn, component.requirements);
    if (unfit !== undefined) return unfit;
    const failure = component.tried.get(node.nodeId);
    if (failure !== undefined) return failure;
    if (!node.seen) return "has not reported yet";
    return isUsable(node, nowMs) ? undefined : (node.suspicion ?? "did not answer lately");
  }

  #none(component: ComponentRecord, nowMs: number): Choice {
    const reasons: string[] = [];
    let isWaiting = false;
    let untold = 0;
    for (const node of this.#tables.nodes.values()) {
      if (!node.seen && whyUnfit(node.placement, component.spawn, component.requirements) === undefined)
        isWaiting = true;
      if (reasons.length < REASONS_TOLD)
        reasons.push(`node ${node.nodeId} ${this.whyNot(component, node, nowMs) ?? "fits"}`);
      else untold++;
    }
    if (untold > 0) reasons.push(`and ${untold} more nodes`);
    return { type: "none", isWaiting, reasons };
  }
}

function weightOf(component: ComponentRecord, node: NodeRecord): number {
  return component.spawn.kind === "function"
    ? powerOf(node.facts.capabilities)
    : Math.max(1, providerCount(node.placement, component.spawn.specification.classType));
}
