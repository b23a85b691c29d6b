import type { Clock } from "../../core/clock.js";
import type { Uuid } from "../../core/uuid.js";
import type { Domain } from "./domain.js";
import { checkReport, NOTHING_SEEN, type ReportMemory } from "./report-check.js";
import type { WorkflowRecord } from "./workflow-record.js";

/** What the reports of a domain have made certain. */
export interface Discrepancies {
  /** Lost components by the workflow they belong to. */
  readonly missing: ReadonlyMap<Uuid, ReadonlySet<Uuid>>;
  /** Components of the domain that belong to nothing. */
  readonly leftovers: readonly Uuid[];
}

const NONE: Discrepancies = { missing: new Map(), leftovers: [] };

/** Compares what domains report with what the workflows say, from report to report. */
export class ReportWatch {
  readonly #clock: Clock;
  readonly #memories = new Map<string, ReportMemory>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Forgets what a domain reported: it was reset or is gone. */
  forget(domainId: string): void {
    this.#memories.delete(domainId);
  }

  /**
   * Takes the report in a domain's refresh into account, if there is one.
   * @param accounted components that no workflow holds, but the controller knows of
   * @param startsInFlight when each start request without an answer was sent, monotonic milliseconds
   */
  compare(
    domain: Domain,
    workflows: Iterable<WorkflowRecord>,
    accounted: readonly Uuid[],
    startsInFlight: readonly number[],
  ): Discrepancies {
    const { domainId, nonce, components } = domain;
    if (components === undefined) return NONE;
    const owners = new Map<Uuid, Uuid>();
    for (const { workflowId, placements } of workflows) {
      for (const placement of placements.values()) {
        if (placement.domainId === domainId && placement.nonce === nonce)
          owners.set(placement.logicalId, workflowId);
      }
    }
    const findings = checkReport(
      new Set(components.map(({ logicalId }) => logicalId)),
      this.#clock.monotonicMs(),
      { expected: new Set(owners.keys()), accounted: new Set(accounted), startsInFlight },
      this.#memories.get(domainId) ?? NOTHING_SEEN,
    );
    this.#memories.set(domainId, findings.memory);
    const missing = new Map<Uuid, Set<Uuid>>();
    for (const logicalId of findings.missing) {
      const owner = owners.get(logicalId);
      if (owner !== undefined) missing.set(owner, (missing.get(owner) ?? new Set()).add(logicalId));
    }
    return { missing, leftovers: findings.leftovers };
  }
}
