import { isIdle, type Peer, type PeerTable } from "./peer.js";

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
    peers.unshift(peer);
    if (peers.length <= this.capacity) return undefined;
    let victim = peers.length - 1;
    while (victim > 0 && !isIdle(peers[victim] as Peer)) victim--;
    if (victim === 0) victim = peers.length - 1;
    return peers.splice(victim, 1)[0];
  }
}
