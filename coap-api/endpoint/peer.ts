import type { BodyAssembly } from "../block/body-assembly.js";
import type { Message } from "../coap/message.js";
import type { Exchange } from "./exchange.js";

/** A message id that was seen, and what was answered. */
export interface Seen {
  messageId: number;
  expiresMs: number;
  /** The answer as sent; undefined while there is none. */
  reply: Uint8Array | undefined;
}

/** A large answer of which the peer fetches blocks. */
export interface ServedBody {
  path: string;
  query: string;
  response: Message;
  expiresMs: number;
}

/** All that an endpoint remembers of one other endpoint. */
export interface Peer {
  readonly address: string;
  readonly port: number;
  nextMessageId: number;
  /** Newest last, bounded. */
  seen: Seen[];
  /** The request under way; undefined: none. */
  current: Exchange | undefined;
  /** Requests that wait for it. */
  waiting: Exchange[];
  /** Responses and notifications of ours that wait for their acknowledgement. */
  unacknowledged: Exchange[];
  /** A request body that arrives in blocks. */
  assembly: BodyAssembly | undefined;
  served: ServedBody | undefined;
  /** What the peer has to send back to prove its address. */
  echo: Uint8Array | undefined;
  verified: boolean;
}

/** Remembers peers, a bounded number. */
export interface PeerTable {
  /** The peer if it is known. */
  find(address: string, port: number): Peer | undefined;
  /** Adds a peer; returns one that had to make room. */
  add(peer: Peer): Peer | undefined;
}

/** True when nothing of the peer would be lost by forgetting it. */
export function isIdle(peer: Peer): boolean {
  return peer.current === undefined && peer.unacknowledged.length === 0;
}
