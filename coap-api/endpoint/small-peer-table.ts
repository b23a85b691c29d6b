import { type Peer, type PeerTable, worth } from "./peer.js";

/** A table for a handful of peers, searched from the most recently used one. */
export class SmallPeerTable implements PeerTable {
  private readonly capacity: number;
  private readonly peers: Peer[];

  constructor(capacity: number) {
    this.capacity = capacity;
    this.peers = [];
  }

  find(address: string, port: number): Peer | undefined {
    const peers = this.peers;
    for (let i = 0; i < peers.length; i++) {
      const peer = peers[i] as Peer;
      if (peer.port === port && peer.address === address) {
        if (i > 0) {
          peers.splice(i, 1);
          peers.unshift(peer);
        }
        return peer;
      }
    }
    return undefined;
  }

  add(peer: Peer): Peer | undefined {
    const peers = this.peers;
    let evicted: Peer | undefined;
    if (peers.length >= this.capacity) {
      let victim = peers.length - 1;
      for (let i = victim - 1; i >= 0; i--) {
        if (worth(peers[i] as Peer) < worth(peers[victim] as Peer)) victim = i;
      }
      evicted = peers.splice(victim, 1)[0];
    }
    peers.unshift(peer);
    return evicted;
  }

  each(visit: (peer: Peer) => void): void {
    const peers = this.peers.slice();
    for (let i = 0; i < peers.length; i++) visit(peers[i] as Peer);
  }
}
