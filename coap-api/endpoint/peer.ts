import type { Exchange, Transmission } from "./exchange.js";
import type { HeldBody } from "./held-bodies.js";

/** A message id that was seen, and what was answered. */
export interface Seen {
  messageId: number;
  /** Digest of the token: a peer that started anew may use a message id again, but hardly with the same token. */
  token: number;
  expiresMs: number;
  /** The answer as sent; undefined while there is none. */
  reply: Uint8Array | undefined;
  /** The request is being carried out. */
  pending: boolean;
}

/** All that an endpoint remembers of one other endpoint. */
export interface Peer {
  readonly address: string;
  readonly port: number;
  nextMessageId: number;
  /** How often a message to the peer was sent once more. */
  repetitions: number;
  /** Newest last, bounded. */
  seen: Seen[];
  /** The request under way; undefined: none. */
  current: Exchange | undefined;
  /** Requests that wait for it. */
  waiting: Exchange[];
  /** Responses and notifications of ours that wait for their acknowledgement. */
  unacknowledged: Transmission[];
  /** Requests of the peer that are not answered yet. */
  pending: number;
  /** Bodies that are too long for a message, of the peer or for it. */
  bodies: HeldBody[];
  /** Resources of ours that the peer observes. */
  observations: number;
  /** What the peer has to send back to prove its address. */
  echo: Uint8Array | undefined;
  /** The peer proved that it receives what is sent to its address. */
  verified: boolean;
}

/** Remembers peers, a bounded number. */
export interface PeerTable {
  /** The peer if it is known. */
  find(address: string, port: number): Peer | undefined;
  /** Adds a peer; returns one that had to make room, best one of the lowest {@link worth}. */
  add(peer: Peer): Peer | undefined;
  /** Calls `visit` for every peer. */
  each(visit: (peer: Peer) => void): void;
}

/** True when nothing is under way with the peer. */
export function isIdle(peer: Peer): boolean {
  return peer.current === undefined && peer.unacknowledged.length === 0 && peer.pending === 0;
}

/** Nothing speaks for the peer but a source address, which anybody can write into a datagram. */
export const STRANGER = 0;
/** The peer is real, and neither party waits for the other. */
export const IDLE = 1;
/** The peer is real, or we wait for it, and something is under way. */
export const BUSY = 2;

/** How much would be lost by forgetting a peer: {@link STRANGER}, {@link IDLE} or {@link BUSY}. */
export function worth(peer: Peer): number {
  if (peer.current !== undefined) return BUSY;
  if (!peer.verified) return STRANGER;
  return isIdle(peer) && peer.observations === 0 ? IDLE : BUSY;
}

/** The remembered message of this id and token, if it came within its lifetime. */
export function findSeen(peer: Peer, messageId: number, token: number, nowMs: number): Seen | undefined {
  const { seen } = peer;
  for (let i = seen.length - 1; i >= 0; i--) {
    const entry = seen[i] as Seen;
    if (entry.messageId === messageId && entry.token === token && entry.expiresMs >= nowMs) return entry;
  }
  return undefined;
}

/** Remembers a message; the oldest one that is answered makes room. */
export function addSeen(peer: Peer, entry: Seen, capacity: number): void {
  const { seen } = peer;
  if (seen.length >= capacity) {
    for (let i = 0; i < seen.length; i++) {
      if ((seen[i] as Seen).pending) continue;
      seen.splice(i, 1);
      break;
    }
  }
  seen.push(entry);
}

/** Digest of a token, for {@link Seen}. */
export function tokenDigest(token: Uint8Array): number {
  let digest = token.length;
  for (let i = 0; i < token.length; i++) digest = (digest * 31 + (token[i] as number)) | 0;
  return digest;
}
