import {
  blockBytes,
  blockExponent,
  blockMore,
  blockNumber,
  blockValue,
  LARGEST_EXPONENT,
} from "../block/block-option.js";
import { COMPLETE, continues, createAssembly, joinParts, takeBlock } from "../block/body-assembly.js";
import {
  ACK,
  BAD_OPTION,
  BAD_REQUEST,
  CON,
  CONTENT,
  CONTINUE,
  EMPTY,
  GET,
  NON,
  REQUEST_ENTITY_INCOMPLETE,
  REQUEST_ENTITY_TOO_LARGE,
  UNAUTHORIZED,
} from "../coap/codes.js";
import { ABSENT, createMessage, encodeMessage, type Message } from "../coap/message.js";
import { PROXY_SCHEME, PROXY_URI } from "../coap/option-numbers.js";
import type { Link } from "./link.js";
import type { Observers } from "./observers.js";
import type { Peer, Seen } from "./peer.js";
import { sameBytes } from "./request-client.js";
import type { Separate } from "./separate.js";

/** 5.05: this endpoint is no proxy (RFC 7252 section 5.10.2). */
const PROXYING_NOT_SUPPORTED = 0xa5;

/** A request as the application sees it: never a repetition, always with its whole body. */
export interface IncomingRequest {
  address: string;
  port: number;
  code: number;
  path: string;
  query: string;
  payload: Uint8Array;
  /** The message of the (last) datagram. */
  message: Message;
}

/** Further parts of an answer. */
export interface ReplyOptions {
  locationPath?: string;
  /** Seconds; with 5.03: when to try again. */
  maxAge?: number;
  contentFormat?: number;
  /** With 4.13: the largest body that is taken, bytes. */
  size1?: number;
  /** True: a client may observe this resource. */
  observable?: boolean;
}

/** Answers a request; at once or later, but only the first time counts. */
export type Reply = (code: number, payload: Uint8Array, options?: ReplyOptions) => void;

/** Carries out requests. */
export type RequestHandler = (request: IncomingRequest, reply: Reply) => void;

/** Answers requests: once each, repetitions from memory, bodies of any size (RFC 7252 section 4, RFC 7959). */
export class RequestServer {
  handler: RequestHandler;
  private readonly link: Link;
  private readonly separate: Separate;
  private readonly observers: Observers;
  private nextTag: number;

  constructor(link: Link, separate: Separate, observers: Observers, handler: RequestHandler) {
    this.link = link;
    this.separate = separate;
    this.observers = observers;
    this.handler = handler;
    this.nextTag = 0;
  }

  /** @param size bytes of the datagram */
  take(peer: Peer, message: Message, size: number): void {
    const { settings, timers, counters } = this.link;
    const now = timers.nowMs();
    const seen = peer.seen;
    for (let i = seen.length - 1; i >= 0; i--) {
      const entry = seen[i] as Seen;
      if (entry.messageId !== message.messageId) continue;
      if (entry.expiresMs < now) {
        seen.splice(i, 1);
        continue;
      }
      counters.duplicates++;
      if (entry.reply !== undefined) this.link.sendBytes(peer, entry.reply);
      return;
    }
    const entry: Seen = {
      messageId: message.messageId,
      expiresMs: now + settings.exchangeLifetimeMs,
      reply: undefined,
    };
    seen.push(entry);
    if (seen.length > settings.duplicatesPerPeer) seen.shift();
    if (message.echo.length > 0 && peer.echo !== undefined && sameBytes(message.echo, peer.echo))
      peer.verified = true;
    this.carryOut(peer, message, entry, size);
  }

  private carryOut(peer: Peer, message: Message, entry: Seen, size: number): void {
    const reply = this.replyTo(peer, message, entry, size);
    const nothing = new Uint8Array(0);
    if (message.badOption !== 0) {
      if (message.type !== CON) return;
      const proxy = message.badOption === PROXY_URI || message.badOption === PROXY_SCHEME;
      reply(proxy ? PROXYING_NOT_SUPPORTED : BAD_OPTION, nothing);
      return;
    }
    const { block1, block2 } = message;
    if (block2 !== ABSENT && blockExponent(block2) > LARGEST_EXPONENT) {
      reply(BAD_REQUEST, nothing);
      return;
    }
    let payload = message.payload;
    if (block1 !== ABSENT) {
      const code = this.assemble(peer, message);
      if (code !== COMPLETE) {
        reply(
          code,
          nothing,
          code === REQUEST_ENTITY_TOO_LARGE ? { size1: this.link.settings.maxBodyBytes } : undefined,
        );
        return;
      }
      const assembly = peer.assembly;
      if (assembly !== undefined) payload = joinParts(assembly.parts, assembly.receivedBytes);
      peer.assembly = undefined;
    } else if (block2 !== ABSENT && blockNumber(block2) > 0 && this.serveBlock(peer, message, reply)) return;
    const { code, path, query } = message;
    this.handler({ address: peer.address, port: peer.port, code, path, query, payload, message }, reply);
  }

  private assemble(peer: Peer, message: Message): number {
    const { code, path, query, block1, payload } = message;
    const { settings, timers } = this.link;
    const now = timers.nowMs();
    let assembly = peer.assembly;
    if (assembly === undefined || assembly.expiresMs < now || !continues(assembly, code, path, query)) {
      if (blockNumber(block1) > 0) return REQUEST_ENTITY_INCOMPLETE;
      assembly = createAssembly(code, path, query);
      peer.assembly = assembly;
    }
    assembly.expiresMs = now + settings.exchangeLifetimeMs;
    if (blockNumber(block1) === 0 && message.size1 !== ABSENT && message.size1 > settings.maxBodyBytes) {
      peer.assembly = undefined;
      return REQUEST_ENTITY_TOO_LARGE;
    }
    const result = takeBlock(assembly, block1, payload, settings.maxBodyBytes);
    if (result !== CONTINUE && result !== COMPLETE && result !== REQUEST_ENTITY_INCOMPLETE)
      peer.assembly = undefined;
    return result;
  }

  /** Answers a request for a later block from the body that was kept; false when it is not there any more. */
  private serveBlock(peer: Peer, message: Message, reply: Reply): boolean {
    const { served } = peer;
    const fits = served !== undefined && served.path === message.path && served.query === message.query;
    if (!fits || served === undefined || served.expiresMs < this.link.timers.nowMs()) {
      if (message.code === GET) return false;
      reply(REQUEST_ENTITY_INCOMPLETE, new Uint8Array(0));
      return true;
    }
    reply(served.response.code, served.response.payload, {
      contentFormat: served.response.contentFormat,
      maxAge: served.response.maxAge,
    });
    return true;
  }

  private replyTo(peer: Peer, request: Message, entry: Seen, size: number): Reply {
    const link = this.link;
    let answered = false;
    let ackTimer = 0;
    let acknowledged = false;
    if (request.type === CON) {
      ackTimer = link.timers.set(link.settings.ackDelayMs, () => {
        ackTimer = 0;
        acknowledged = true;
        entry.reply = link.send(peer, createMessage(ACK, EMPTY, request.messageId, new Uint8Array(0)));
      });
    }
    return (code, payload, options) => {
      if (answered) return;
      answered = true;
      if (ackTimer !== 0) link.timers.clear(ackTimer);
      let response = this.compose(peer, request, code, payload, options);
      if (request.type !== CON) {
        response.type = NON;
        response.messageId = link.messageId(peer);
      } else if (acknowledged) {
        response.type = CON;
        response.messageId = link.messageId(peer);
      }
      if (link.settings.verifyPeers && !peer.verified && encodeMessage(response).length > 3 * size) {
        link.counters.challenged++;
        if (peer.echo === undefined) peer.echo = link.draw(8);
        const challenge = createMessage(response.type, UNAUTHORIZED, response.messageId, request.token);
        challenge.echo = peer.echo;
        response = challenge;
      }
      if (response.type === CON) this.separate.send(peer, response, () => {});
      else {
        const datagram = link.send(peer, response);
        if (request.type === CON) entry.reply = datagram;
      }
    };
  }

  /** The response message, of a large body only the block that was asked for. */
  private compose(
    peer: Peer,
    request: Message,
    code: number,
    body: Uint8Array,
    options?: ReplyOptions,
  ): Message {
    const response = createMessage(ACK, code, request.messageId, request.token);
    if (options !== undefined) {
      if (options.locationPath !== undefined) response.locationPath = options.locationPath;
      if (options.maxAge !== undefined) response.maxAge = options.maxAge;
      if (options.contentFormat !== undefined) response.contentFormat = options.contentFormat;
      if (options.size1 !== undefined) response.size1 = options.size1;
    }
    if (request.block1 !== ABSENT) {
      const exponent = Math.min(blockExponent(request.block1), this.link.settings.blockExponent);
      const more = code === CONTINUE && blockMore(request.block1);
      const number = exponent === blockExponent(request.block1) ? blockNumber(request.block1) : 0;
      response.block1 = blockValue(number, more, exponent);
    }
    if (request.code === GET && code === CONTENT && options !== undefined && options.observable === true) {
      response.observe = this.observers.register(peer, request);
    }
    this.cut(peer, request, response, body);
    return response;
  }

  private cut(peer: Peer, request: Message, response: Message, body: Uint8Array): void {
    const asked = request.block2 === ABSENT ? LARGEST_EXPONENT : blockExponent(request.block2);
    const exponent = Math.min(asked, this.link.settings.blockExponent);
    const size = blockBytes(exponent);
    if (body.length <= size && request.block2 === ABSENT) {
      response.payload = body;
      return;
    }
    const number =
      request.block2 === ABSENT ? 0 : Math.floor((blockNumber(request.block2) * blockBytes(asked)) / size);
    const from = number * size;
    if (from > 0 && from >= body.length) {
      response.code = BAD_REQUEST;
      return;
    }
    const { served } = peer;
    if (served !== undefined && served.response.payload === body) response.etag = served.response.etag;
    else if (body.length > size) {
      this.nextTag = (this.nextTag + 1) & 0xffff;
      response.etag = new Uint8Array([this.nextTag >> 8, this.nextTag & 0xff]);
      const kept = createMessage(ACK, response.code, 0, request.token);
      kept.payload = body;
      kept.etag = response.etag;
      kept.contentFormat = response.contentFormat;
      kept.maxAge = response.maxAge;
      const expiresMs = this.link.timers.nowMs() + this.link.settings.exchangeLifetimeMs;
      peer.served = { path: request.path, query: request.query, response: kept, expiresMs };
    }
    response.payload = body.subarray(from, from + size);
    response.block2 = blockValue(number, from + size < body.length, exponent);
    if (number === 0) response.size2 = body.length;
  }
}
