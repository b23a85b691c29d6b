import type { DomainUpdate, DomainUpdateAnswer } from "../../core/api.js";
import {
  type DomainCapabilities,
  NO_DOMAIN_CAPABILITIES,
  type PlacementNode,
} from "../../core/capabilities.js";
import type { ComponentStatus } from "../../core/status.js";

/**
 * `present`: it refreshes; `expected`: known from before a restart of this controller, not heard of yet;
 * `away`: its lease ran out or it left.
 */
export type DomainPresence = "present" | "expected" | "away";

/** A domain as the controller knows it. Times are monotonic milliseconds. */
export interface Domain {
  readonly domainId: string;
  readonly orchestratorUrl: string;
  readonly nonce: bigint;
  readonly counter: bigint;
  readonly capabilities: DomainCapabilities;
  /** Absent when the ε-ORC reports only the aggregate. */
  readonly nodes?: readonly PlacementNode[];
  /** Absent when the ε-ORC does not report its components. */
  readonly components?: readonly ComponentStatus[];
  readonly presence: DomainPresence;
  /** How long one refresh lasts, milliseconds. */
  readonly leaseMs: number;
  /** When the lease ends; when it went away, if it is away. */
  readonly untilMs: number;
  /** Before this time a reset may still be under way there: nothing is started. */
  readonly readyAtMs: number;
}

/** The part of a {@link Domain} that survives the process. */
export type DomainRecord = Pick<Domain, "domainId" | "orchestratorUrl" | "nonce" | "leaseMs">;

/** What a refresh changed, as far as workflows care. */
export type DomainChange = "joined" | "restarted" | "returned" | "capabilities" | "none";

/**
 * The time from the answer "reset" until a Rust ε-ORC is trusted to have obeyed, unless it refreshes earlier. One that
 * reports its components keeps apart what it is told before and after the reset.
 */
export const RESET_GRACE_MS = 300;

/** Least time that a domain known from before a restart of the controller is waited for. */
export const LEAST_EXPECTED_MS = 5_000;

/** Longest lease; more, such as a deadline of "never", is cut to it. */
const LONGEST_LEASE_MS = 24 * 3_600_000;

/** Milliseconds until the deadline of an update; zero or less: the domain leaves. */
export function leaseOf(update: DomainUpdate, nowWallMs: number): number {
  const deadlineMs = Number(update.refreshDeadline) * 1000;
  return Math.min(deadlineMs - nowWallMs, LONGEST_LEASE_MS);
}

/**
 * Takes a refresh with a deadline in the future into account.
 * Unlike in the reference, new capabilities count even when the counter did not change.
 * @param known what was known of the domain
 * @param leaseMs see {@link leaseOf}
 */
export function acceptUpdate(
  known: Domain | undefined,
  update: DomainUpdate,
  leaseMs: number,
  nowMs: number,
): { readonly domain: Domain; readonly answer: DomainUpdateAnswer; readonly change: DomainChange } {
  const reset = known === undefined || known.nonce !== update.nonce;
  const domain: Domain = {
    domainId: update.domainId,
    orchestratorUrl: update.orchestratorUrl,
    nonce: update.nonce,
    counter: update.counter,
    capabilities: update.capabilities,
    ...(update.nodes === undefined ? {} : { nodes: update.nodes }),
    ...(update.components === undefined ? {} : { components: update.components }),
    presence: "present",
    leaseMs,
    untilMs: nowMs + leaseMs,
    readyAtMs: reset && update.components === undefined ? nowMs + RESET_GRACE_MS : nowMs,
  };
  return { domain, answer: { reset }, change: changeOf(known, domain) };
}

/**
 * The update with the offer that is kept, when it comes without.
 * @returns undefined when that offer is not known
 */
export function completeUpdate(known: Domain | undefined, update: DomainUpdate): DomainUpdate | undefined {
  if (update.isSameOffer !== true) return update;
  if (known?.presence !== "present" || known.nodes === undefined) return undefined;
  if (known.nonce !== update.nonce || known.counter !== update.counter) return undefined;
  return { ...update, capabilities: known.capabilities, nodes: known.nodes };
}

/** A domain read from the store after a restart of the controller. */
export function expectedDomain(record: DomainRecord, nowMs: number): Domain {
  return {
    ...record,
    counter: 0n,
    capabilities: NO_DOMAIN_CAPABILITIES,
    presence: "expected",
    untilMs: nowMs + Math.max(record.leaseMs, LEAST_EXPECTED_MS),
    readyAtMs: nowMs,
  };
}

/** The domain once it left or its lease ran out. */
export function awayDomain(domain: Domain, nowMs: number): Domain {
  const { nodes: _nodes, components: _components, ...rest } = domain;
  return { ...rest, presence: "away", untilMs: nowMs };
}

/** True when the persistent part of two states of a domain differs enough to be written. */
export function recordDiffers(before: Domain | undefined, after: Domain): boolean {
  return (
    before === undefined ||
    before.nonce !== after.nonce ||
    before.orchestratorUrl !== after.orchestratorUrl ||
    after.leaseMs > before.leaseMs * 2 ||
    after.leaseMs < before.leaseMs / 2
  );
}

function changeOf(known: Domain | undefined, domain: Domain): DomainChange {
  if (known === undefined) return "joined";
  if (known.nonce !== domain.nonce) return "restarted";
  if (known.presence !== "present") return "returned";
  // What is kept is the very same, and a large domain is not compared for nothing.
  if (
    known.nodes !== undefined &&
    known.nodes === domain.nodes &&
    known.orchestratorUrl === domain.orchestratorUrl
  )
    return "none";
  if (known.counter !== domain.counter) return "capabilities";
  const offer = ({ orchestratorUrl, capabilities, nodes }: Domain) =>
    JSON.stringify([orchestratorUrl, capabilities, nodes]);
  return offer(known) === offer(domain) ? "none" : "capabilities";
}
