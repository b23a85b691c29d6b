import type { Body } from "../block/body.js";
import type { Message } from "../coap/message.js";
import type { Exchange, Transmission } from "./exchange.js";

/**
 * What was answered to a message that was seen: a code of a response that is nothing but an acknowledgement with a code, one of the
 * numbers of `seen.ts`, or the bytes of any other answer. Most answers so need no bytes, which a board could not afford to keep.
 */
export type SeenAnswer = Uint8Array | number;

/** The messages of a peer that are remembered; three lists that belong together. */
export interface SeenMessages {
  keys: number[];
  answers: SeenAnswer[];
  expiresMs: number[];
  /** Where the next one goes. */
  next: number;
}

/** A body that is too long for one message: of a request that arrives, or of a response that is fetched. */
export interface HeldBody {
  readonly peer: Peer;
  /** The response of which blocks are fetched; undefined: a request body that arrives. */
  readonly response: Message | undefined;
  readonly code: number;
  readonly path: string;
  readonly query: string;
  readonly body: Body;
  /** Bytes that count against the limit. */
  room: number;
  expiresMs: number;
}

/** All that an endpoint remembers of one other endpoint. */
export interface Peer {
  readonly address: string;
  readonly port: number;
  nextMessageId: number;
  /** How often a message to the peer was sent once more. */
  repetitions: number;
  /** Messages of the peer that are not carried out again, a bounded number. */
  seen: SeenMessages;
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
