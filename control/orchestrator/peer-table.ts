import type { PeerUpdate } from "../../core/api.js";
import type { Random } from "../../core/random.js";
import type { Uuid } from "../../core/uuid.js";
import { Delays } from "./delays.js";

/** A change of the table of peers of one process. */
export type KnownPeer = Exclude<PeerUpdate, { readonly type: "clear" }>;

/** Most changes that are under way to one table: with one connection for all nodes of a gateway they overlap well. */
const UNDER_WAY = 8;
/** Nodes that are looked at to find some that can tell a change now; the others look for themselves. */
const LOOKED_AT = 4 * UNDER_WAY;

/**
 * What remains to be told to one process about its peers: a node of its own, or a gateway that stands for many nodes, one of
 * which is told for all. It holds the wanted end, at most one change per peer.
 */
export class PeerTable {
  /** Tells the gateway apart from others; undefined: the table of one node that speaks for itself. */
  readonly gateway: string | undefined;
  readonly invocationUrl: string;
  readonly members = new Set<Uuid>();
  readonly delays: Delays<Uuid>;
  /** Nodes that wait with other work until the table is up to date. */
  readonly waiting = new Set<Uuid>();
  readonly #changes = new Map<Uuid, KnownPeer>();
  /** Changes under way, by peer, and the node that is told. */
  readonly #underWay = new Map<Uuid, Uuid>();

  constructor(gateway: string | undefined, invocationUrl: string, random: Random) {
    this.gateway = gateway;
    this.invocationUrl = invocationUrl;
    this.delays = new Delays(random);
  }

  /** Plans a change; one of the same peer that was planned before is obsolete. */
  plan(change: KnownPeer): void {
    this.#changes.set(change.nodeId, change);
    this.delays.undelay(change.nodeId);
  }

  /** A peer needs no mention any more. */
  drop(peerId: Uuid): void {
    this.#changes.delete(peerId);
    this.delays.undelay(peerId);
  }

  /** The next change to tell; undefined when there is none, or enough are under way. */
  next(nowMs: number, isHeldBack: (change: KnownPeer) => boolean): KnownPeer | undefined {
    if (this.#underWay.size >= UNDER_WAY) return undefined;
    for (const change of this.#changes.values()) {
      const { nodeId } = change;
      if (this.#underWay.has(nodeId) || !this.delays.isDue(nodeId, nowMs) || isHeldBack(change)) continue;
      return change;
    }
    return undefined;
  }

  /** True while another node is told of a change, so that more than this may be missing. */
  get isBehind(): boolean {
    return this.#underWay.size > 0;
  }

  /** A node is told of a change now. */
  begin(peerId: Uuid, toldNode: Uuid): void {
    this.#underWay.set(peerId, toldNode);
  }

  /** A change reached the process or did not. */
  end(change: KnownPeer, toldNode: Uuid, isTold: boolean): void {
    if (this.#underWay.get(change.nodeId) === toldNode) this.#underWay.delete(change.nodeId);
    if (!isTold || this.#changes.get(change.nodeId) !== change) return;
    this.#changes.delete(change.nodeId);
    this.delays.undelay(change.nodeId);
  }

  /** A node that was told of a change is gone; it is told of again through another one. */
  abandon(toldNode: Uuid): void {
    for (const [peerId, nodeId] of this.#underWay) if (nodeId === toldNode) this.#underWay.delete(peerId);
  }

  /** Nodes that should look for changes to tell. */
  *tellers(): Iterable<Uuid> {
    let left = Math.min(LOOKED_AT, Math.max(UNDER_WAY, this.#changes.size));
    for (const nodeId of this.members) {
      if (left-- <= 0) return;
      yield nodeId;
    }
  }
}
