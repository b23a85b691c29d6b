import type { Uuid } from "../../core/uuid.js";

/** What the controller believes about a domain when the domain reports its components. */
export interface Belief {
  /** Logical ids of committed components, with the number of updates received when they were started. */
  readonly expected: ReadonlyMap<Uuid, number>;
  /** Ids that are not leftovers though no workflow holds them: being started, or already due to be stopped. */
  readonly accounted: ReadonlySet<Uuid>;
  /** For each start request without an answer: how many updates had been received when it was sent. */
  readonly startsInFlight: readonly number[];
  /** Ids that nobody knew in earlier reports, with the number of the update that first listed them. */
  readonly suspects: ReadonlyMap<Uuid, number>;
}

/** What a report reveals. */
export interface Findings {
  /** Components of workflows that the domain no longer has. */
  readonly missing: readonly Uuid[];
  /** Components in the domain that belong to nothing, for instance because the answer to their start was lost. */
  readonly leftovers: readonly Uuid[];
  readonly suspects: ReadonlyMap<Uuid, number>;
}

/**
 * Compares the components that a domain lists with those that should be there.
 *
 * A report is a little old when it arrives. An ε-ORC composes one only after the answer to the one before, therefore a
 * component started before update n was received must be listed from update n + 1 on. A component that nobody knows
 * is a leftover once two reports list it and each start request that was under way at the first has been answered.
 * @param update number of this update, counted from 1
 */
export function checkReport(listed: ReadonlySet<Uuid>, update: number, belief: Belief): Findings {
  const missing: Uuid[] = [];
  for (const [id, startedAt] of belief.expected) {
    if (!listed.has(id) && update >= startedAt + 2) missing.push(id);
  }
  const leftovers: Uuid[] = [];
  const suspects = new Map<Uuid, number>();
  for (const id of listed) {
    if (belief.expected.has(id) || belief.accounted.has(id)) continue;
    const first = belief.suspects.get(id) ?? update;
    const explained = belief.startsInFlight.some((sentAt) => sentAt < first);
    if (first < update && !explained) leftovers.push(id);
    else suspects.set(id, first);
  }
  return { missing, leftovers, suspects };
}
