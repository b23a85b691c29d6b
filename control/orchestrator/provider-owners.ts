import type { Uuid } from "../../core/uuid.js";

/**
 * Who owns a provider id when several nodes announce the same: the first to announce it, and when that one leaves or
 * withdraws it, the next.
 */
export class ProviderOwners {
  /** Nodes that announce a provider id, in their order. */
  readonly #claimants = new Map<string, Uuid[]>();
  readonly #claims = new Map<Uuid, ReadonlySet<string>>();

  /**
   * Replaces what a node claims; claims it already had keep their turn.
   * @returns the other nodes that own something from now on because this one does not claim it any more
   */
  claim(nodeId: Uuid, providerIds: readonly string[]): ReadonlySet<Uuid> {
    const wanted = new Set(providerIds);
    const heirs = new Set<Uuid>();
    for (const providerId of this.#claims.get(nodeId) ?? []) {
      if (wanted.has(providerId)) continue;
      const former = this.#claimants.get(providerId) ?? [];
      const rest = former.filter((claimant) => claimant !== nodeId);
      const [heir] = rest;
      if (heir === undefined) this.#claimants.delete(providerId);
      else this.#claimants.set(providerId, rest);
      if (heir !== undefined && heir !== former[0]) heirs.add(heir);
    }
    for (const providerId of wanted) {
      const claimants = this.#claimants.get(providerId);
      if (claimants === undefined) this.#claimants.set(providerId, [nodeId]);
      else if (!claimants.includes(nodeId)) claimants.push(nodeId);
    }
    if (wanted.size > 0) this.#claims.set(nodeId, wanted);
    else this.#claims.delete(nodeId);
    return heirs;
  }

  /** The node whose provider counts, or undefined when nobody announces it. */
  ownerOf(providerId: string): Uuid | undefined {
    return this.#claimants.get(providerId)?.[0];
  }
}
