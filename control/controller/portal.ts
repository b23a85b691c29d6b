import type { Domain } from "./domain.js";

/** The domain through which other domains exchange events. */
export interface Portal {
  readonly domainId: string;
  /** Domains that are connected to it. */
  readonly connected: ReadonlySet<string>;
}

/** Resource class of the bridges between a domain and the portal. */
export const PORTAL_CLASS = "portal";

const LABEL = "portal-domain=";
/** A portal connects at least so many domains. */
const LEAST_CONNECTED = 2;

/**
 * Finds the portal: a domain with labels `portal-domain=<name>` for at least two domains that are there and offer the class
 * `portal` themselves. Of several, the one that connects most domains is used, and among equals the first by name.
 */
export function findPortal(domains: ReadonlyMap<string, Domain>): Portal | undefined {
  let best: Portal | undefined;
  for (const [domainId, { presence, capabilities }] of [...domains].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (presence !== "present") continue;
    const names = capabilities.labels
      .filter((label) => label.startsWith(LABEL))
      .map((label) => label.slice(LABEL.length));
    const connected = new Set(names.filter((name) => name !== domainId && offersPortal(domains.get(name))));
    if (connected.size < LEAST_CONNECTED) continue;
    if (best === undefined || connected.size > best.connected.size) best = { domainId, connected };
  }
  return best;
}

function offersPortal(domain: Domain | undefined): boolean {
  return domain?.presence === "present" && domain.capabilities.resourceClasses.includes(PORTAL_CLASS);
}
