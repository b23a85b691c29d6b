import { blockBytes, blockValue } from "../block/block-option.js";
import { CON, isSuccess } from "../coap/codes.js";
import { ABSENT, createMessage, type Message } from "../coap/message.js";
import type { Link } from "./link.js";
import type { Peer } from "./peer.js";
import { sameBytes } from "./request-client.js";
import type { Separate } from "./separate.js";

/** A client that wants to be told of changes. */
interface Observer {
  readonly peer: Peer;
  readonly token: Uint8Array;
  readonly path: string;
  readonly query: string;
  /** A notification is on its way; the newest of those that follow waits for it (RFC 7641 section 4.5.1). */
  busy: boolean;
  waiting: Representation | undefined;
}

interface Representation {
  readonly code: number;
  readonly payload: Uint8Array;
}

/** Tells observers of changes (RFC 7641), confirmably, so that a client that is gone is noticed. */
export class Observers {
  private readonly link: Link;
  private readonly separate: Separate;
  private readonly observers: Observer[];
  private sequence: number;

  constructor(link: Link, separate: Separate) {
    this.link = link;
    this.separate = separate;
    this.observers = [];
    this.sequence = 1;
  }

  /** How many clients observe something. */
  get count(): number {
    return this.observers.length;
  }

  /** Registers or removes the client as its request says; returns the value of the Observe option of the answer. */
  register(peer: Peer, request: Message): number {
    if (request.observe !== 0 && request.observe !== 1) return ABSENT;
    this.remove(peer, request.token);
    if (request.observe === 1 || this.observers.length >= this.link.settings.maxObservers) return ABSENT;
    const { token, path, query } = request;
    this.observers.push({ peer, token: token.slice(), path, query, busy: false, waiting: undefined });
    return this.nextSequence();
  }

  /** Sends the new representation of a path to everybody who observes it. */
  notify(path: string, code: number, payload: Uint8Array): void {
    for (let i = this.observers.length - 1; i >= 0; i--) {
      const observer = this.observers[i] as Observer;
      if (observer.path === path) this.send(observer, { code, payload });
    }
  }

  /** Forgets one observation of a peer. */
  remove(peer: Peer, token: Uint8Array): void {
    for (let i = this.observers.length - 1; i >= 0; i--) {
      const observer = this.observers[i] as Observer;
      if (observer.peer === peer && sameBytes(observer.token, token)) this.observers.splice(i, 1);
    }
  }

  /** Forgets all observations of a peer. */
  removeAll(peer: Peer): void {
    for (let i = this.observers.length - 1; i >= 0; i--) {
      if ((this.observers[i] as Observer).peer === peer) this.observers.splice(i, 1);
    }
  }

  private send(observer: Observer, representation: Representation): void {
    if (observer.busy) {
      observer.waiting = representation;
      return;
    }
    const { peer, token } = observer;
    const { code, payload } = representation;
    const message = createMessage(CON, code, this.link.messageId(peer), token);
    const { blockExponent } = this.link.settings;
    const size = blockBytes(blockExponent);
    if (isSuccess(code)) message.observe = this.nextSequence();
    else this.remove(peer, token);
    if (payload.length > size) {
      message.payload = payload.subarray(0, size);
      message.block2 = blockValue(0, true, blockExponent);
      message.size2 = payload.length;
    } else message.payload = payload;
    observer.busy = true;
    const delivered = () => {
      observer.busy = false;
      const { waiting } = observer;
      observer.waiting = undefined;
      if (waiting !== undefined) this.send(observer, waiting);
    };
    this.separate.send(peer, message, () => this.remove(peer, token), delivered);
  }

  private nextSequence(): number {
    this.sequence = (this.sequence + 1) & 0xffffff;
    return this.sequence;
  }
}
