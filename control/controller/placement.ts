import type { Uuid } from "../../core/uuid.js";
import type { Domain } from "./domain.js";

/** What a component is, which decides the service that starts and stops it. */
export type ComponentKind = "function" | "resource";

/** A component of a workflow that was started in a domain. */
export interface Placement {
  readonly component: string;
  readonly kind: ComponentKind;
  readonly domainId: string;
  /** Nonce of the domain when it started the component; under another nonce the component is gone. */
  readonly nonce: bigint;
  readonly logicalId: Uuid;
}

/**
 * True when the component still exists in its domain and the domain is there: nothing needs to be done for it.
 * A domain that is away keeps its components; they count again if it returns with the nonce it had.
 */
export function isLive(placement: Placement, domains: ReadonlyMap<string, Domain>): boolean {
  const domain = domains.get(placement.domainId);
  return domain !== undefined && domain.presence !== "away" && domain.nonce === placement.nonce;
}

/** True when the component may still run, be its domain there or not: someone has to stop it one day. */
export function mayRun(
  placement: Pick<Placement, "domainId" | "nonce">,
  domains: ReadonlyMap<string, Domain>,
): boolean {
  return domains.get(placement.domainId)?.nonce === placement.nonce;
}
