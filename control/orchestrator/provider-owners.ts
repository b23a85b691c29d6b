import type { Uuid } from "../../core/uuid.js";

/**
 * Who owns a provider id when several nodes announce the same: the first to announce it, and when that one leaves or
 * withdraws it, the next.
 */
export class ProviderOwners {
  readonly #claims = new Map<string, Uuid[]>();

  /** Replaces what a node claims; claims it already had keep their turn. */
  claim(nodeId: Uuid, providerIds: readonly string[]): void {
    const wanted = new Set(providerIds);
    for (const [providerId, claimants] of this.#claims) {
      if (wanted.has(providerId)) continue;
      const rest = claimants.filter((claimant) => claimant !== nodeId);
      if (rest.length === 0) this.#claims.delete(providerId);
      else this.#claims.set(providerId, rest);
    }
    for (const providerId of wanted) {
      const claimants = this.#claims.get(providerId);
      if (claimants === undefined) this.#claims.set(providerId, [nodeId]);
      else if (!claimants.includes(nodeId)) claimants.push(nodeId);
    }
  }

  /** The node whose provider counts, or undefined when nobody announces it. */
  ownerOf(providerId: string): Uuid | undefined {
    return this.#claims.get(providerId)?.[0];
  }
}
