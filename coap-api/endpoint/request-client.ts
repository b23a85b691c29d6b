import {
  blockBytes,
  blockExponent,
  blockMore,
  blockNumber,
  blockValue,
  LARGEST_EXPONENT,
} from "../block/block-option.js";
import { joinBlocks } from "../block/body.js";
import {
  ACK,
  CHANGED,
  CON,
  CONTINUE,
  GET,
  isSuccess,
  NON,
  REQUEST_ENTITY_INCOMPLETE,
  REQUEST_ENTITY_TOO_LARGE,
  UNAUTHORIZED,
} from "../coap/codes.js";
import { ABSENT, createMessage, type Message } from "../coap/message.js";
import { NOTHING } from "../nothing.js";
import { sameBytes } from "../same-bytes.js";
import type { Done, Exchange, Failure, OutgoingRequest } from "./exchange.js";
import type { Link } from "./link.js";
import type { Peer } from "./peer.js";

/** First byte of an acknowledgement without a token (RFC 7252 section 3). */
const ACKNOWLEDGEMENT = 0x60;

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
      blocks: [],
      receivedBytes: 0,
      etag: NOTHING,
      echo: NOTHING,
      restarts: 0,
    };
    if (peer.current === undefined) {
      peer.current = exchange;
      this.sendNext(peer, exchange);
    } else if (peer.waiting.length < this.link.settings.queueCapacity) peer.waiting.push(exchange);
    else {
      this.link.counters.refused++;
      this.link.settle(exchange, undefined, "refused");
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
    // Only who received the request knows its random token.
    peer.verified = true;
    if (response.badOption !== 0) {
      this.link.counters.malformed++;
      this.finish(peer, exchange, undefined, "malformed");
    } else this.proceed(peer, exchange, response);
    return true;
  }

  /** Takes a response that came with the acknowledgement; false when it belongs to no request of ours. */
  takePiggybacked(peer: Peer, response: Message): boolean {
    const sent = peer.current === undefined ? undefined : peer.current.message;
    if (sent === undefined || sent.type !== CON || sent.messageId !== response.messageId) return false;
    return this.takeResponse(peer, response);
  }

  /**
   * Takes an acknowledgement with nothing but 2.04 in it, the answer to most of what is sent, without reading the datagram as a message,
   * for which a board has little time and memory. False for anything else.
   */
  takeChanged(peer: Peer | undefined, datagram: Uint8Array): boolean {
    const exchange = peer === undefined ? undefined : peer.current;
    if (peer === undefined || exchange === undefined) return false;
    const { type, messageId, token, block1 } = exchange.message;
    if (
      datagram[0] !== ACKNOWLEDGEMENT + token.length ||
      (((datagram[2] as number) << 8) | (datagram[3] as number)) !== messageId ||
      !sameBytes(datagram.subarray(4), token) ||
      block1 !== ABSENT ||
      type !== CON
    )
      return false;
    peer.verified = true;
    this.finish(peer, exchange, createMessage(ACK, CHANGED, messageId, token), undefined);
    return true;
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

  /** Sends the request under way to a peer once more, under the same id, and repeats it from now on as if it were the first time. */
  repeat(peer: Peer): void {
    const exchange = peer.current;
    if (exchange === undefined || exchange.acknowledged || exchange.message.type !== CON) return;
    this.link.stop(exchange);
    this.link.transmit(peer, exchange, () => this.finish(peer, exchange, undefined, "timeout"));
  }

  /** Ends everything that is under way or waits for a peer. */
  abandon(peer: Peer): void {
    const all = peer.current === undefined ? peer.waiting : [peer.current].concat(peer.waiting);
    peer.current = undefined;
    peer.waiting = [];
    for (let i = 0; i < all.length; i++) {
      const exchange = all[i] as Exchange;
      this.link.stop(exchange);
      this.link.settle(exchange, undefined, "closed");
    }
  }

  private sendNext(peer: Peer, exchange: Exchange): void {
    const { request } = exchange;
    const link = this.link;
    const type = request.nonConfirmable ? NON : CON;
    const message = createMessage(type, request.code, link.messageId(peer), link.draw(2));
    message.path = request.path;
    if (request.query !== undefined) message.query = request.query;
    if (request.accept !== undefined) message.accept = request.accept;
    if (request.contentFormat !== undefined) message.contentFormat = request.contentFormat;
    if (request.etag !== undefined) message.etag = request.etag;
    message.echo = exchange.echo;
    this.fillBlock(exchange, message);
    exchange.message = message;
    const giveUp = () => this.finish(peer, exchange, undefined, "timeout");
    if (type === NON) {
      exchange.acknowledged = false;
      link.acknowledge(exchange, giveUp);
      link.send(peer, message);
    } else link.transmit(peer, exchange, giveUp);
  }

  /** Puts into a message the block of the request body that comes next, or asks for the next block of the response. */
  private fillBlock(exchange: Exchange, message: Message): void {
    const { request, exponent, sentBytes } = exchange;
    const size = blockBytes(exponent);
    if (exchange.blocks.length > 0) {
      message.block2 = blockValue(exchange.receivedBytes / size, false, exponent);
      return;
    }
    if (request.code === GET && exponent < LARGEST_EXPONENT) message.block2 = blockValue(0, false, exponent);
    const { payload } = request;
    if (payload === undefined) return;
    if (payload.length <= size && sentBytes === 0) {
      message.payload = payload;
      return;
    }
    const to = Math.min(payload.length, sentBytes + size);
    message.block1 = blockValue(sentBytes / size, to < payload.length, exponent);
    if (sentBytes === 0) message.size1 = payload.length;
    message.payload = payload.subarray(sentBytes, to);
  }

  private proceed(peer: Peer, exchange: Exchange, response: Message): void {
    if (response.code === UNAUTHORIZED && response.echo.length > 0 && exchange.echo.length === 0) {
      exchange.echo = new Uint8Array(response.echo);
      this.sendNext(peer, exchange);
      return;
    }
    if (exchange.message.payload.length > 0 && this.sendMore(peer, exchange, response)) return;
    if (response.code === CONTINUE) this.finish(peer, exchange, undefined, "malformed");
    else if (response.block2 !== ABSENT) this.takeBody(peer, exchange, response);
    else this.finish(peer, exchange, response, undefined);
  }

  /** Goes on with the request body; false when the response is the final one. */
  private sendMore(peer: Peer, exchange: Exchange, response: Message): boolean {
    const sent = exchange.message;
    const blockwise = sent.block1 !== ABSENT;
    const more = blockwise && blockMore(sent.block1);
    const wanted =
      response.block1 === ABSENT
        ? exchange.exponent
        : Math.min(blockExponent(response.block1), exchange.exponent);
    // A server that acts on each block by itself answers with success instead of 2.31 (RFC 7959 section 2.3).
    if (more && (response.code === CONTINUE || (isSuccess(response.code) && response.block1 !== ABSENT))) {
      exchange.sentBytes += sent.payload.length;
      exchange.exponent = wanted;
    } else if (
      response.code === REQUEST_ENTITY_TOO_LARGE &&
      exchange.sentBytes === 0 &&
      wanted < exchange.exponent
    ) {
      exchange.exponent = wanted;
    } else if (blockwise && response.code === REQUEST_ENTITY_INCOMPLETE && exchange.restarts === 0) {
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
    const { payload } = response;
    if (exponent > LARGEST_EXPONENT || (more ? payload.length !== size : payload.length > size)) {
      this.link.counters.malformed++;
      this.finish(peer, exchange, undefined, "malformed");
      return;
    }
    const changed = exchange.blocks.length > 0 && !sameBytes(exchange.etag, response.etag);
    if (changed || blockNumber(response.block2) * size !== exchange.receivedBytes) {
      this.fetchAnew(peer, exchange);
      return;
    }
    exchange.etag = new Uint8Array(response.etag);
    exchange.exponent = exponent;
    exchange.blocks.push(new Uint8Array(payload));
    exchange.receivedBytes += payload.length;
    if (exchange.receivedBytes > this.link.settings.maxBodyBytes)
      this.finish(peer, exchange, undefined, "too large");
    else if (more) this.sendNext(peer, exchange);
    else {
      response.payload = joinBlocks(exchange.blocks, exchange.receivedBytes);
      this.finish(peer, exchange, response, undefined);
    }
  }

  /** The representation changed while it was fetched: a safe request begins once more. */
  private fetchAnew(peer: Peer, exchange: Exchange): void {
    if (exchange.request.code !== GET || exchange.restarts > 0) {
      this.finish(peer, exchange, undefined, "malformed");
      return;
    }
    exchange.restarts++;
    exchange.blocks = [];
    exchange.receivedBytes = 0;
    this.sendNext(peer, exchange);
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
    this.link.settle(exchange, response, failure);
  }
}
