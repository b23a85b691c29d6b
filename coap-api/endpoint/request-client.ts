import {
  blockBytes,
  blockExponent,
  blockMore,
  blockNumber,
  blockValue,
  LARGEST_EXPONENT,
} from "../block/block-option.js";
import { joinParts } from "../block/body-assembly.js";
import { CON, CONTINUE, NON, REQUEST_ENTITY_INCOMPLETE, REQUEST_ENTITY_TOO_LARGE } from "../coap/codes.js";
import { ABSENT, createMessage, type Message } from "../coap/message.js";
import type { Done, Exchange, Failure, OutgoingRequest } from "./exchange.js";
import type { Link } from "./link.js";
import type { Peer } from "./peer.js";

const NOTHING = new Uint8Array(0);

/** Sends requests, one at a time to each peer (NSTART 1), with bodies of any size (RFC 7959). */
export class RequestClient {
  private readonly link: Link;

  constructor(link: Link) {
    this.link = link;
  }

  /** Sends a request, or lets it wait behind the one under way; `done` runs exactly once. */
  request(peer: Peer, request: OutgoingRequest, done: Done): void {
    const exchange: Exchange = {
      message: createMessage(CON, request.code, 0, NOTHING),
      datagram: NOTHING,
      timer: 0,
      timeoutMs: 0,
      repetitions: 0,
      acknowledged: false,
      request,
      done,
      sentBytes: 0,
      exponent: this.link.settings.blockExponent,
      parts: [],
      receivedBytes: 0,
      etag: NOTHING,
      restarts: 0,
    };
    if (peer.current === undefined) {
      peer.current = exchange;
      this.sendNext(peer, exchange);
    } else if (peer.waiting.length < this.link.settings.queueCapacity) peer.waiting.push(exchange);
    else {
      this.link.counters.refused++;
      done(undefined, "refused");
    }
  }

  /** True when a response belongs to the request under way. */
  isCurrent(peer: Peer, response: Message): boolean {
    return peer.current !== undefined && sameBytes(peer.current.message.token, response.token);
  }

  /** Takes a response; false when it belongs to no request of ours. */
  takeResponse(peer: Peer, response: Message): boolean {
    const exchange = peer.current;
    if (exchange === undefined || !this.isCurrent(peer, response)) return false;
    this.link.stop(exchange);
    if (response.badOption !== 0) this.finish(peer, exchange, undefined, "malformed");
    else this.proceed(peer, exchange, response);
    return true;
  }

  /** Takes a response that came with the acknowledgement; false when it belongs to no request of ours. */
  takePiggybacked(peer: Peer, response: Message): boolean {
    return peer.current?.message.messageId === response.messageId && this.takeResponse(peer, response);
  }

  /** The peer has the request; its response follows. */
  takeAcknowledgement(peer: Peer, messageId: number): boolean {
    const exchange = peer.current;
    if (exchange === undefined || exchange.message.messageId !== messageId) return false;
    this.link.acknowledge(exchange, () => this.finish(peer, exchange, undefined, "timeout"));
    return true;
  }

  /** The peer refused the message. */
  takeReset(peer: Peer, messageId: number): boolean {
    const exchange = peer.current;
    if (exchange === undefined || exchange.message.messageId !== messageId) return false;
    this.finish(peer, exchange, undefined, "reset");
    return true;
  }

  /** Ends everything that is under way or waits for a peer. */
  abandon(peer: Peer, failure: Failure): void {
    const all = peer.current === undefined ? peer.waiting : [peer.current].concat(peer.waiting);
    peer.current = undefined;
    peer.waiting = [];
    for (let i = 0; i < all.length; i++) {
      const exchange = all[i] as Exchange;
      this.link.stop(exchange);
      exchange.done(undefined, failure);
    }
  }

  private sendNext(peer: Peer, exchange: Exchange): void {
    const request = exchange.request as OutgoingRequest;
    const link = this.link;
    const type = request.nonConfirmable ? NON : CON;
    const message = createMessage(type, request.code, link.messageId(peer), link.draw(2));
    message.path = request.path;
    if (request.query !== undefined) message.query = request.query;
    if (request.accept !== undefined) message.accept = request.accept;
    if (request.contentFormat !== undefined) message.contentFormat = request.contentFormat;
    if (request.etag !== undefined) message.etag = request.etag;
    const size = blockBytes(exchange.exponent);
    if (exchange.parts.length > 0) {
      message.block2 = blockValue(Math.floor(exchange.receivedBytes / size), false, exchange.exponent);
    } else if (request.payload !== undefined) {
      const { payload } = request;
      if (payload.length > blockBytes(link.settings.blockExponent) || exchange.sentBytes > 0) {
        const from = exchange.sentBytes;
        const to = Math.min(payload.length, from + size);
        message.block1 = blockValue(from / size, to < payload.length, exchange.exponent);
        if (from === 0) message.size1 = payload.length;
        message.payload = payload.subarray(from, to);
      } else message.payload = payload;
    }
    exchange.message = message;
    if (type === NON) {
      link.send(peer, message);
      link.acknowledge(exchange, () => this.finish(peer, exchange, undefined, "timeout"));
    } else link.transmit(peer, exchange, () => this.finish(peer, exchange, undefined, "timeout"));
  }

  private proceed(peer: Peer, exchange: Exchange, response: Message): void {
    const sent = exchange.message;
    if (sent.block1 !== ABSENT && this.sendMore(peer, exchange, response)) return;
    if (response.code === CONTINUE) this.finish(peer, exchange, undefined, "malformed");
    else if (response.block2 !== ABSENT) this.takeBody(peer, exchange, response);
    else this.finish(peer, exchange, response, undefined);
  }

  /** Goes on with the request body; false when the response is the final one. */
  private sendMore(peer: Peer, exchange: Exchange, response: Message): boolean {
    const sent = exchange.message;
    const wanted =
      response.block1 === ABSENT
        ? exchange.exponent
        : Math.min(blockExponent(response.block1), LARGEST_EXPONENT);
    if (response.code === CONTINUE && blockMore(sent.block1)) {
      exchange.sentBytes += sent.payload.length;
      if (wanted < exchange.exponent) exchange.exponent = wanted;
    } else if (
      response.code === REQUEST_ENTITY_TOO_LARGE &&
      exchange.sentBytes === 0 &&
      wanted < exchange.exponent
    ) {
      exchange.exponent = wanted;
    } else if (response.code === REQUEST_ENTITY_INCOMPLETE && exchange.restarts === 0) {
      exchange.restarts++;
      exchange.sentBytes = 0;
    } else return false;
    this.sendNext(peer, exchange);
    return true;
  }

  private takeBody(peer: Peer, exchange: Exchange, response: Message): void {
    const exponent = blockExponent(response.block2);
    const size = blockBytes(exponent);
    const more = blockMore(response.block2);
    if (exponent > LARGEST_EXPONENT || (more && response.payload.length !== size)) {
      this.finish(peer, exchange, undefined, "malformed");
      return;
    }
    const changed = exchange.parts.length > 0 && !sameBytes(exchange.etag, response.etag);
    if (changed || blockNumber(response.block2) * size !== exchange.receivedBytes) {
      if (exchange.restarts++ > 0) {
        this.finish(peer, exchange, undefined, "malformed");
        return;
      }
      exchange.parts = [];
      exchange.receivedBytes = 0;
      this.sendNext(peer, exchange);
      return;
    }
    exchange.etag = response.etag;
    exchange.exponent = exponent;
    exchange.parts.push(response.payload.slice());
    exchange.receivedBytes += response.payload.length;
    if (exchange.receivedBytes > this.link.settings.maxBodyBytes)
      this.finish(peer, exchange, undefined, "too large");
    else if (more) this.sendNext(peer, exchange);
    else {
      response.payload = joinParts(exchange.parts, exchange.receivedBytes);
      this.finish(peer, exchange, response, undefined);
    }
  }

  private finish(
    peer: Peer,
    exchange: Exchange,
    response: Message | undefined,
    failure: Failure | undefined,
  ): void {
    this.link.stop(exchange);
    if (peer.current === exchange) {
      peer.current = peer.waiting.shift();
      if (peer.current !== undefined) this.sendNext(peer, peer.current);
    }
    exchange.done(response, failure);
  }
}

/** True when both hold the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
