import type { Uuid } from "../../core/uuid.js";

/** What reports so far showed of a domain; times are when a report first showed it, monotonic milliseconds. */
export interface ReportMemory {
  /** Components of workflows that reports do not list. */
  readonly absent: ReadonlyMap<Uuid, number>;
  /** Listed components that nobody knows. */
  readonly strange: ReadonlyMap<Uuid, number>;
}

/** Nothing seen yet. */
export const NOTHING_SEEN: ReportMemory = { absent: new Map(), strange: new Map() };

/** What the controller believes about a domain when the domain reports its components. */
export interface Belief {
  /** Components of workflows. */
  readonly expected: ReadonlySet<Uuid>;
  /** No strangers though no workflow holds them: being started, or due to be stopped. */
  readonly accounted: ReadonlySet<Uuid>;
  /** When each start request without an answer was sent. */
  readonly startsInFlight: readonly number[];
}

/** What a report reveals. */
export interface Findings {
  /** Components of workflows that the domain no longer has. */
  readonly missing: readonly Uuid[];
  /** Components in the domain that belong to nothing, for instance because the answer to their start was lost. */
  readonly leftovers: readonly Uuid[];
  readonly memory: ReportMemory;
}

/** A report may be older than what was started or stopped meanwhile: a difference counts when it lasts so long. */
export const CERTAIN_AFTER_MS = 1_000;

/**
 * Compares the components that a domain lists with those that should be there.
 * A stranger that may be the outcome of a start request under way is spared until that request has been answered.
 */
export function checkReport(
  listed: ReadonlySet<Uuid>,
  nowMs: number,
  belief: Belief,
  memory: ReportMemory,
): Findings {
  const missing: Uuid[] = [];
  const absent = new Map<Uuid, number>();
  for (const id of belief.expected) {
    if (listed.has(id)) continue;
    const sinceMs = memory.absent.get(id) ?? nowMs;
    if (nowMs - sinceMs >= CERTAIN_AFTER_MS) missing.push(id);
    else absent.set(id, sinceMs);
  }
  const leftovers: Uuid[] = [];
  const strange = new Map<Uuid, number>();
  for (const id of listed) {
    if (belief.expected.has(id) || belief.accounted.has(id)) continue;
    const sinceMs = memory.strange.get(id) ?? nowMs;
    const isExplained = belief.startsInFlight.some((sentMs) => sentMs <= sinceMs);
    if (nowMs - sinceMs >= CERTAIN_AFTER_MS && !isExplained) leftovers.push(id);
    else strange.set(id, sinceMs);
  }
  return { missing, leftovers, memory: { absent, strange } };
}
