import { type Peer, type PeerTable, STRANGER, worth } from "../coap-api/endpoint/peer.js";

/**
 * Thousands of peers, found by address. Those that are kept (registered devices) are never forgotten; of the others the
 * least recently used one makes room, so that a flood of strangers costs no device its exchanges.
 */
export class LruPeerTable implements PeerTable {
  readonly #strangerCapacity: number;
  /** Places of peers that are kept, whether they are known yet or not. */
  readonly #places = new Set<string>();
  readonly #kept = new Map<string, Peer>();
  readonly #strangers = new Map<string, Peer>();

  /** @param strangerCapacity most peers that are not kept */
  constructor(strangerCapacity: number) {
    this.#strangerCapacity = strangerCapacity;
  }

  /** Peers that are remembered. */
  get size(): number {
    return this.#kept.size + this.#strangers.size;
  }

  find(address: string, port: number): Peer | undefined {
    const key = peerKey(address, port);
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const stranger = this.#strangers.get(key);
    if (stranger === undefined) return undefined;
    this.#strangers.delete(key);
    this.#strangers.set(key, stranger);
    return stranger;
  }

  add(peer: Peer): Peer | undefined {
    const key = peerKey(peer.address, peer.port);
    if (this.#places.has(key)) {
      this.#kept.set(key, peer);
      return undefined;
    }
    this.#strangers.set(key, peer);
    return this.#strangers.size > this.#strangerCapacity ? this.#evict(peer) : undefined;
  }

  /** Keeps a peer, as soon as it is known, until it is {@link release}d. */
  keep(address: string, port: number): void {
    const key = peerKey(address, port);
    this.#places.add(key);
    const peer = this.#strangers.get(key);
    if (peer === undefined) return;
    this.#strangers.delete(key);
    this.#kept.set(key, peer);
  }

  /** A peer that was kept may make room from now on. */
  release(address: string, port: number): void {
    const key = peerKey(address, port);
    this.#places.delete(key);
    const peer = this.#kept.get(key);
    if (peer === undefined) return;
    this.#kept.delete(key);
    this.#strangers.set(key, peer);
  }

  each(visit: (peer: Peer) => void): void {
    for (const peer of [...this.#kept.values(), ...this.#strangers.values()]) visit(peer);
  }

  /** Of the oldest strangers the one whose loss costs least. */
  #evict(fresh: Peer): Peer | undefined {
    let victim: Peer | undefined;
    let seen = 0;
    for (const peer of this.#strangers.values()) {
      if (peer === fresh) continue;
      if (victim === undefined || worth(peer) < worth(victim)) victim = peer;
      if (worth(victim) === STRANGER || ++seen >= CANDIDATES) break;
    }
    if (victim !== undefined) this.#strangers.delete(peerKey(victim.address, victim.port));
    return victim;
  }
}

/** Peers that are compared to find the one that makes room. */
const CANDIDATES = 64;

/** Text that stands for an address and port. */
export function peerKey(address: string, port: number): string {
  return `${address} ${port}`;
}
