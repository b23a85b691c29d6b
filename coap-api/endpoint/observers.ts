import { CON, GET, isSuccess } from "../coap/codes.js";
import { ABSENT, createMessage, type Message } from "../coap/message.js";
import { sameBytes } from "../same-bytes.js";
import type { Link } from "./link.js";
import type { Peer } from "./peer.js";
import type { ReplyOptions } from "./reply-options.js";
import type { ResponseBlocks } from "./response-blocks.js";
import type { Separate } from "./separate.js";

/** A client that wants to be told of changes. */
interface Observer {
  readonly peer: Peer;
  /** The request that began it, without its payload: token, path, query and wanted block size. */
  readonly request: Message;
  /** A notification is on its way; the newest of those that follow waits for it (RFC 7641 section 4.5.1). */
  busy: boolean;
  waiting: Representation | undefined;
  removed: boolean;
}

interface Representation {
  readonly code: number;
  readonly payload: Uint8Array;
  readonly options: ReplyOptions | undefined;
}

/** Tells observers of changes (RFC 7641), confirmably, so that a client that is gone is noticed. */
export class Observers {
  private readonly link: Link;
  private readonly separate: Separate;
  private readonly blocks: ResponseBlocks;
  private readonly observers: Observer[];
  private sequence: number;

  constructor(link: Link, separate: Separate, blocks: ResponseBlocks) {
    this.link = link;
    this.separate = separate;
    this.blocks = blocks;
    this.observers = [];
    this.sequence = 1;
  }

  /** How many clients observe something. */
  count(): number {
    return this.observers.length;
  }

  /** Registers or removes the client as its request says; returns the value of the Observe option of the answer. */
  register(peer: Peer, request: Message): number {
    if (request.observe !== 0 && request.observe !== 1) return ABSENT;
    this.remove(peer, request.token);
    if (request.observe === 1 || this.observers.length >= this.link.settings.maxObservers) return ABSENT;
    const kept = createMessage(CON, GET, 0, new Uint8Array(request.token));
    kept.path = request.path;
    kept.query = request.query;
    kept.block2 = request.block2;
    peer.observations++;
    this.observers.push({ peer, request: kept, busy: false, waiting: undefined, removed: false });
    return this.nextSequence();
  }

  /** Sends the new representation of a path to everybody who observes it. */
  notify(path: string, code: number, payload: Uint8Array, options?: ReplyOptions): void {
    const observers = this.observers.slice();
    for (let i = 0; i < observers.length; i++) {
      const observer = observers[i] as Observer;
      if (observer.request.path === path) this.send(observer, { code, payload, options });
    }
  }

  /** Forgets one observation of a peer. */
  remove(peer: Peer, token: Uint8Array): void {
    for (let i = this.observers.length - 1; i >= 0; i--) {
      const observer = this.observers[i] as Observer;
      if (observer.peer === peer && sameBytes(observer.request.token, token)) this.drop(i);
    }
  }

  /** Forgets all observations of a peer. */
  removeAll(peer: Peer): void {
    for (let i = this.observers.length - 1; i >= 0; i--) {
      if ((this.observers[i] as Observer).peer === peer) this.drop(i);
    }
  }

  private drop(index: number): void {
    const observer = this.observers.splice(index, 1)[0] as Observer;
    observer.removed = true;
    observer.waiting = undefined;
    observer.peer.observations--;
  }

  private send(observer: Observer, representation: Representation): void {
    if (observer.removed) return;
    if (observer.busy) {
      observer.waiting = representation;
      return;
    }
    const { peer, request } = observer;
    const { code, payload, options } = representation;
    const message = createMessage(CON, code, this.link.messageId(peer), request.token);
    if (options !== undefined && options.contentFormat !== undefined)
      message.contentFormat = options.contentFormat;
    if (options !== undefined && options.maxAge !== undefined) message.maxAge = options.maxAge;
    if (isSuccess(code)) message.observe = this.nextSequence();
    else this.remove(peer, request.token);
    this.blocks.fill(peer, request, message, payload, this.link.settings.blockExponent);
    observer.busy = true;
    this.separate.send(peer, message, (delivered) => {
      observer.busy = false;
      if (!delivered) {
        const at = this.observers.indexOf(observer);
        if (at >= 0) this.drop(at);
        return;
      }
      const { waiting } = observer;
      observer.waiting = undefined;
      if (waiting !== undefined) this.send(observer, waiting);
    });
  }

  private nextSequence(): number {
    this.sequence = (this.sequence + 1) & 0xffffff;
    return this.sequence;
  }
}
