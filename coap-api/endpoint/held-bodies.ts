import { createBody } from "../block/body.js";
import type { Message } from "../coap/message.js";
import type { Link } from "./link.js";
import type { HeldBody, Peer } from "./peer.js";

/** Keeps the bodies of block-wise transfers: few to a peer, a bounded number of bytes in all, the stalest make room. */
export class HeldBodies {
  private readonly link: Link;
  /** The most recently used last. */
  private readonly all: HeldBody[];
  private roomInUse: number;

  constructor(link: Link) {
    this.link = link;
    this.all = [];
    this.roomInUse = 0;
  }

  /** Bytes in use. */
  bytes(): number {
    return this.roomInUse;
  }

  /** The body of a request or of the response to it. */
  find(peer: Peer, outgoing: boolean, request: Message): HeldBody | undefined {
    const { bodies } = peer;
    const nowMs = this.link.timers.nowMs();
    for (let i = 0; i < bodies.length; i++) {
      const held = bodies[i] as HeldBody;
      if ((held.response !== undefined) !== outgoing || held.expiresMs < nowMs) continue;
      if (held.code === request.code && held.path === request.path && held.query === request.query)
        return held;
    }
    return undefined;
  }

  /** Keeps a body for a request; one of the same kind for the same request is replaced. */
  hold(peer: Peer, request: Message, response: Message | undefined): HeldBody {
    const before = this.find(peer, response !== undefined, request);
    if (before !== undefined) this.release(before);
    const { bodiesPerPeer } = this.link.settings;
    while (peer.bodies.length >= bodiesPerPeer) this.release(peer.bodies[0] as HeldBody);
    const { code, path, query } = request;
    const held = { peer, response, code, path, query, body: createBody(), room: 0, expiresMs: 0 };
    peer.bodies.push(held);
    this.all.push(held);
    this.touch(held);
    return held;
  }

  /** A body was used or grew: it lives on, and others make room for it. */
  touch(held: HeldBody): void {
    const { all } = this;
    const { timers, settings } = this.link;
    const nowMs = timers.nowMs();
    held.expiresMs = nowMs + settings.exchangeLifetimeMs;
    const room = held.response === undefined ? held.body.buffer.length : held.response.payload.length;
    this.roomInUse += room - held.room;
    held.room = room;
    if (all[all.length - 1] !== held) {
      all.splice(all.indexOf(held), 1);
      all.push(held);
    }
    while (all.length > 1) {
      const stalest = all[0] as HeldBody;
      if (this.roomInUse <= settings.maxHeldBytes && stalest.expiresMs >= nowMs) break;
      this.release(stalest);
    }
  }

  /** Forgets a body. */
  release(held: HeldBody): void {
    const at = this.all.indexOf(held);
    if (at < 0) return;
    this.all.splice(at, 1);
    this.roomInUse -= held.room;
    held.peer.bodies.splice(held.peer.bodies.indexOf(held), 1);
  }

  /** Forgets all bodies of a peer. */
  releaseAll(peer: Peer): void {
    while (peer.bodies.length > 0) this.release(peer.bodies[0] as HeldBody);
  }
}
