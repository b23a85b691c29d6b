import {
  blockExponent,
  blockMore,
  blockNumber,
  blockValue,
  LARGEST_EXPONENT,
} from "../block/block-option.js";
import { type BodySink, bodyBytes, COMPLETE, takeBlock } from "../block/body.js";
import {
  ACK,
  BAD_OPTION,
  BAD_REQUEST,
  CON,
  CONTENT,
  CONTINUE,
  EMPTY,
  GET,
  INTERNAL_SERVER_ERROR,
  NON,
  NOT_ACCEPTABLE,
  NOT_FOUND,
  PROXYING_NOT_SUPPORTED,
  REQUEST_ENTITY_INCOMPLETE,
  REQUEST_ENTITY_TOO_LARGE,
  SERVICE_UNAVAILABLE,
  UNAUTHORIZED,
} from "../coap/codes.js";
import { ABSENT, createMessage, encodeMessage, type Message } from "../coap/message.js";
import { PROXY_SCHEME, PROXY_URI } from "../coap/option-numbers.js";
import { NOTHING } from "../nothing.js";
import { sameBytes } from "../same-bytes.js";
import { WireFault } from "../wire-fault.js";
import type { HeldBodies } from "./held-bodies.js";
import type { Link } from "./link.js";
import type { Observers } from "./observers.js";
import type { Peer } from "./peer.js";
import type { ReplyOptions } from "./reply-options.js";
import type { ResponseBlocks } from "./response-blocks.js";
import { ACKNOWLEDGED, ANSWERED, addSeen, findSeen, IN_WORK, SILENCE, seenKey, settleSeen } from "./seen.js";
import type { Separate } from "./separate.js";

/** An answer may be so many times larger than its request before the peer proved its address (RFC 9175 section 2.4). */
const AMPLIFICATION = 3;

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

/** Answers a request; at once or later, but only the first time counts. */
export type Reply = (code: number, payload: Uint8Array, options?: ReplyOptions) => void;

/**
 * Carries out requests. A WireFault that it throws before it answered becomes 4.00, anything else 5.00.
 */
export type RequestHandler = (request: IncomingRequest, reply: Reply) => void;

/** What a {@link BodyLimit} gives when the peer is to prove its address before it sends a body. */
export const UNPROVED = -1;

/**
 * Largest body, in bytes, that is taken for a request, or {@link UNPROVED}; called with the first block, whose payload is not
 * complete.
 */
export type BodyLimit = (request: Message, address: string, port: number) => number;

/** What an {@link AckDelay} gives when the answer always comes in time. */
export const NEVER = -1;

/** After how many milliseconds without an answer a request is acknowledged by itself, or {@link NEVER}. */
export type AckDelay = (request: Message) => number;

/** Says where the parts of a request body go that is not to be kept as a whole; undefined: it is kept. */
export type BodySinkOf = (request: Message, address: string, port: number) => BodySink | undefined;

/** A request that is being carried out. */
interface Answer {
  readonly peer: Peer;
  readonly request: Message;
  /** What the request is remembered by. */
  readonly key: number;
  /** Bytes of the datagram. */
  readonly size: number;
  answered: boolean;
  /** The request was acknowledged by itself: the response comes in a message of its own. */
  acknowledged: boolean;
  ackTimer: number;
}

/** Answers requests: once each, repetitions from memory, bodies of any size (RFC 7252 section 4, RFC 7959). */
export class RequestServer {
  /** Undefined: nothing is there. */
  handler: RequestHandler | undefined;
  /** Undefined: as the settings say. */
  bodyLimit: BodyLimit | undefined;
  /** Undefined: as the settings say. */
  ackDelay: AckDelay | undefined;
  /** Undefined: all bodies are kept as a whole. */
  bodySink: BodySinkOf | undefined;
  private readonly link: Link;
  private readonly separate: Separate;
  private readonly observers: Observers;
  private readonly blocks: ResponseBlocks;
  private readonly held: HeldBodies;
  /** Requests whose handler did not answer at once. */
  private readonly late: Answer[];

  constructor(
    link: Link,
    separate: Separate,
    observers: Observers,
    blocks: ResponseBlocks,
    held: HeldBodies,
  ) {
    this.link = link;
    this.separate = separate;
    this.observers = observers;
    this.blocks = blocks;
    this.held = held;
    this.handler = undefined;
    this.late = [];
    this.bodyLimit = undefined;
    this.ackDelay = undefined;
    this.bodySink = undefined;
  }

  /** @param size bytes of the datagram */
  take(peer: Peer, message: Message, size: number): void {
    const { settings, timers, counters } = this.link;
    const now = timers.nowMs();
    const key = seenKey(message.messageId, message.token);
    const before = findSeen(peer.seen, key, now);
    if (before >= 0) {
      counters.duplicates++;
      this.link.repeatAnswer(peer, before, message);
      return;
    }
    if (message.type === NON && message.badOption !== 0) {
      counters.malformed++;
      return;
    }
    if (peer.pending >= settings.duplicatesPerPeer) {
      this.refuse(peer, message);
      return;
    }
    const expiresMs = now + settings.exchangeLifetimeMs;
    addSeen(peer.seen, key, IN_WORK, expiresMs, settings.duplicatesPerPeer);
    peer.pending++;
    if (message.echo.length > 0 && sameBytes(message.echo, this.link.echoOf(peer))) peer.verified = true;
    const answer: Answer = {
      peer,
      request: message,
      key,
      size,
      answered: false,
      acknowledged: false,
      ackTimer: 0,
    };
    this.carryOut(answer);
    if (!answer.answered && message.type === CON) this.acknowledgeLater(answer);
  }

  /** Ends the timers of requests that are not answered yet. */
  close(): void {
    for (let i = 0; i < this.late.length; i++) {
      const { ackTimer } = this.late[i] as Answer;
      if (ackTimer !== 0) this.link.timers.clear(ackTimer);
    }
  }

  /** Too many requests of this peer wait for their answers; nothing is remembered of one more. */
  private refuse(peer: Peer, request: Message): void {
    this.link.counters.refused++;
    if (request.type !== CON) return;
    const response = createMessage(ACK, SERVICE_UNAVAILABLE, request.messageId, request.token);
    response.maxAge = 1;
    this.link.send(peer, response);
  }

  private acknowledgeLater(answer: Answer): void {
    const { link, ackDelay } = this;
    const delayMs = ackDelay === undefined ? link.settings.ackDelayMs : ackDelay(answer.request);
    if (delayMs === NEVER) return;
    this.late.push(answer);
    answer.ackTimer = link.timers.set(delayMs, () => {
      answer.ackTimer = 0;
      answer.acknowledged = true;
      const acknowledgement = createMessage(ACK, EMPTY, answer.request.messageId, NOTHING);
      link.send(answer.peer, acknowledgement);
      settleSeen(answer.peer.seen, answer.key, ACKNOWLEDGED);
    });
  }

  private carryOut(answer: Answer): void {
    const { peer, request } = answer;
    const { badOption, block1, block2, code, path, query } = request;
    if (badOption !== 0) {
      this.link.counters.malformed++;
      const proxy = badOption === PROXY_URI || badOption === PROXY_SCHEME;
      this.answer(answer, proxy ? PROXYING_NOT_SUPPORTED : BAD_OPTION, NOTHING);
      return;
    }
    if (block2 !== ABSENT && blockExponent(block2) > LARGEST_EXPONENT) {
      this.answer(answer, BAD_REQUEST, NOTHING);
      return;
    }
    let { payload } = request;
    const most = block1 !== ABSENT || payload.length > 0 ? this.largestBody(answer) : 0;
    if (most === UNPROVED) {
      this.link.counters.challenged++;
      this.answer(answer, UNAUTHORIZED, NOTHING, { challenge: true });
      return;
    }
    if (block1 !== ABSENT) {
      const body = this.assemble(answer, most);
      if (body === undefined) return;
      payload = body;
    } else if (payload.length > most) {
      this.answer(answer, REQUEST_ENTITY_TOO_LARGE, NOTHING, { size1: most });
      return;
    } else if (block2 !== ABSENT && blockNumber(block2) > 0 && this.serveBlock(answer)) return;
    const { address, port } = peer;
    const { handler } = this;
    if (handler === undefined) {
      this.answer(answer, NOT_FOUND, NOTHING);
      return;
    }
    try {
      handler({ address, port, code, path, query, payload, message: request }, (code, payload, options) =>
        this.answer(answer, code, payload, options),
      );
    } catch (fault) {
      if (fault instanceof WireFault) this.link.counters.malformed++;
      else this.link.fault(fault);
      this.answer(answer, fault instanceof WireFault ? BAD_REQUEST : INTERNAL_SERVER_ERROR, NOTHING);
    }
  }

  private largestBody({ request, peer }: Answer): number {
    const { bodyLimit } = this;
    return bodyLimit === undefined
      ? this.link.settings.maxBodyBytes
      : bodyLimit(request, peer.address, peer.port);
  }

  /** Takes a block of a request body; returns the body when it is complete, else it answered. */
  private assemble(answer: Answer, maxBytes: number): Uint8Array | undefined {
    const { peer, request } = answer;
    const { block1, size1 } = request;
    const { held } = this;
    let assembly = held.find(peer, false, request);
    if (assembly === undefined) {
      if (blockNumber(block1) > 0) {
        this.answer(answer, REQUEST_ENTITY_INCOMPLETE, NOTHING);
        return undefined;
      }
      assembly = held.hold(peer, request, undefined);
    }
    if (blockNumber(block1) === 0 && this.bodySink !== undefined)
      assembly.body.sink = size1 === ABSENT ? undefined : this.bodySink(request, peer.address, peer.port);
    const result = takeBlock(assembly.body, block1, request.payload, size1, maxBytes);
    if (result === CONTINUE) held.touch(assembly);
    else if (result !== REQUEST_ENTITY_INCOMPLETE) held.release(assembly);
    if (result === COMPLETE) return bodyBytes(assembly.body);
    const options = result === REQUEST_ENTITY_TOO_LARGE ? { size1: assembly.body.room } : undefined;
    this.answer(answer, result, NOTHING, options);
    return undefined;
  }

  /** Answers a request for a later block from the body that was kept; false when it is not there any more. */
  private serveBlock(answer: Answer): boolean {
    const { peer, request } = answer;
    const kept = this.blocks.kept(peer, request);
    if (kept !== undefined) {
      const { contentFormat, maxAge } = kept;
      this.answer(answer, kept.code, kept.payload, { contentFormat, maxAge });
      return true;
    }
    // A safe request is simply carried out once more; any other must not be.
    if (request.code === GET) return false;
    this.answer(answer, REQUEST_ENTITY_INCOMPLETE, NOTHING);
    return true;
  }

  private answer(answer: Answer, code: number, payload: Uint8Array, options?: ReplyOptions): void {
    if (answer.answered) return;
    const { accept } = answer.request;
    const format = options === undefined ? undefined : options.contentFormat;
    if (code === CONTENT && accept !== ABSENT && format !== undefined && format !== accept)
      this.respond(answer, NOT_ACCEPTABLE, NOTHING);
    else this.respond(answer, code, payload, options);
  }

  private respond(answer: Answer, code: number, payload: Uint8Array, options?: ReplyOptions): void {
    const { link } = this;
    const { request, key } = answer;
    const { seen } = answer.peer;
    answer.answered = true;
    settleSeen(seen, key, answer.acknowledged ? ANSWERED : SILENCE);
    answer.peer.pending--;
    if (answer.ackTimer !== 0) link.timers.clear(answer.ackTimer);
    const at = this.late.indexOf(answer);
    if (at >= 0) this.late.splice(at, 1);
    // The peer may have been forgotten while the answer was worked out.
    const peer = answer.acknowledged ? link.peerAt(answer.peer.address, answer.peer.port) : answer.peer;
    const restrained = link.settings.verifyPeers && !peer.verified;
    let response = this.compose(peer, request, code, payload, options, link.settings.blockExponent);
    if (request.type !== CON || (answer.acknowledged && restrained)) response.type = NON;
    else if (answer.acknowledged) response.type = CON;
    if (response.type !== ACK) response.messageId = link.messageId(peer);
    if (restrained) response = this.restrain(answer, response, code, payload, options);
    else this.observe(peer, request, response, options);
    if (response.type === CON) this.separate.send(peer, response, () => {});
    else {
      const datagram = encodeMessage(response);
      // Nothing but a code: it can be written again.
      const plain = datagram.length === 4 + request.token.length;
      if (response.type === ACK) settleSeen(seen, key, plain ? response.code : datagram);
      link.sendBytes(peer, datagram);
    }
  }

  private observe(peer: Peer, request: Message, response: Message, options: ReplyOptions | undefined): void {
    const { block2, code } = request;
    if (code !== GET || response.code !== CONTENT || (block2 !== ABSENT && blockNumber(block2) > 0)) return;
    if (options !== undefined && options.observable === true)
      response.observe = this.observers.register(peer, request);
  }

  /**
   * Keeps an answer small for a peer that did not prove its address. A safe request is answered with a challenge and carried
   * out when it comes again; any other was carried out already, so its answer is cut into smaller blocks.
   */
  private restrain(
    answer: Answer,
    response: Message,
    code: number,
    payload: Uint8Array,
    options: ReplyOptions | undefined,
  ): Message {
    const { link } = this;
    const { peer, request } = answer;
    const limit = AMPLIFICATION * answer.size;
    if (request.code === GET) {
      const observes = request.observe === 0 && options !== undefined && options.observable === true;
      if (!observes && encodeMessage(response).length <= limit) return response;
      link.counters.challenged++;
      const challenge = createMessage(response.type, UNAUTHORIZED, response.messageId, request.token);
      challenge.echo = link.echoOf(peer);
      return challenge;
    }
    let smaller = response;
    for (
      let exponent = link.settings.blockExponent - 1;
      exponent >= 0 && encodeMessage(smaller).length > limit;
      exponent--
    ) {
      smaller = this.compose(peer, request, code, payload, options, exponent);
      smaller.type = response.type;
      smaller.messageId = response.messageId;
    }
    return smaller;
  }

  /** The response message, of a large body only the block that was asked for. */
  private compose(
    peer: Peer,
    request: Message,
    code: number,
    body: Uint8Array,
    options: ReplyOptions | undefined,
    exponent: number,
  ): Message {
    const response = createMessage(ACK, code, request.messageId, request.token);
    if (options !== undefined) {
      if (options.locationPath !== undefined) response.locationPath = options.locationPath;
      if (options.maxAge !== undefined) response.maxAge = options.maxAge;
      if (options.contentFormat !== undefined) response.contentFormat = options.contentFormat;
      if (options.size1 !== undefined) response.size1 = options.size1;
      if (options.challenge === true) response.echo = this.link.echoOf(peer);
    }
    if (request.block1 !== ABSENT && blockExponent(request.block1) <= LARGEST_EXPONENT)
      response.block1 = this.acknowledgeBlock(request.block1, code);
    this.blocks.fill(peer, request, response, body, exponent);
    return response;
  }

  /** The Block1 option of a response: with the first block, it asks for a smaller size (RFC 7959 section 2.3). */
  private acknowledgeBlock(block1: number, code: number): number {
    const asked = blockExponent(block1);
    const more = code === CONTINUE && blockMore(block1);
    const first = more && blockNumber(block1) === 0;
    return blockValue(
      blockNumber(block1),
      more,
      first ? Math.min(asked, this.link.settings.blockExponent) : asked,
    );
  }
}
