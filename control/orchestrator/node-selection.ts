import type { NodeCapabilities } from "../../core/capabilities.js";
import { type Random, uniform } from "../../core/random.js";
import type { Uuid } from "../../core/uuid.js";

/** How a node is chosen for a function among those that fit. */
export type Strategy = "Random" | "RoundRobin";

/** A node that fits, and how often it should be drawn. */
export interface Candidate {
  readonly nodeId: Uuid;
  readonly weight: number;
}

/** Computing power of a node as the Random strategy of EDGELESS weighs it. */
export function powerOf(capabilities: NodeCapabilities): number {
  const power = Math.max(capabilities.numCores, capabilities.numCpus) * capabilities.clockFreqCpu;
  return power > 0 && Number.isFinite(power) ? power : 1;
}

/** Draws a candidate with a probability proportional to its weight; undefined when there is none. */
export function drawWeighted(candidates: readonly Candidate[], random: Random): Uuid | undefined {
  let total = 0;
  for (const { weight } of candidates) total += weight;
  let rest = uniform(random) * total;
  for (const { nodeId, weight } of candidates) {
    rest -= weight;
    if (rest < 0) return nodeId;
  }
  return candidates.at(-1)?.nodeId;
}

/** Takes candidates in turns, in the order of their ids, whoever joins or leaves in between. */
export class RoundRobin {
  #last = "";

  /** The next candidate; undefined when there is none. */
  next(candidates: readonly Candidate[]): Uuid | undefined {
    let first: Uuid | undefined;
    let following: Uuid | undefined;
    for (const { nodeId } of candidates) {
      if (first === undefined || nodeId < first) first = nodeId;
      if (nodeId > this.#last && (following === undefined || nodeId < following)) following = nodeId;
    }
    const chosen = following ?? first;
    if (chosen !== undefined) this.#last = chosen;
    return chosen;
  }
}
