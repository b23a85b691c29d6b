import {
  blockBytes,
  blockExponent,
  blockNumber,
  blockValue,
  LARGEST_EXPONENT,
} from "../block/block-option.js";
import { BAD_REQUEST } from "../coap/codes.js";
import { ABSENT, createMessage, type Message } from "../coap/message.js";
import type { HeldBodies } from "./held-bodies.js";
import type { Link } from "./link.js";
import type { HeldBody, Peer } from "./peer.js";

/** Cuts large response bodies into blocks and keeps them until they are fetched (RFC 7959 section 2.4). */
export class ResponseBlocks {
  private readonly held: HeldBodies;
  private nextTag: number;

  constructor(link: Link, held: HeldBodies) {
    this.held = held;
    const start = link.draw(2);
    this.nextTag = ((start[0] as number) << 8) | (start[1] as number);
  }

  /** Puts the body, or the block of it that the request asks for, into a response. */
  fill(peer: Peer, request: Message, response: Message, body: Uint8Array, largestExponent: number): void {
    const asked = request.block2 === ABSENT ? LARGEST_EXPONENT : blockExponent(request.block2);
    const exponent = Math.min(asked, largestExponent);
    const size = blockBytes(exponent);
    if (body.length === 0 || (request.block2 === ABSENT && body.length <= size)) {
      response.payload = body;
      return;
    }
    const number =
      request.block2 === ABSENT ? 0 : Math.floor((blockNumber(request.block2) * blockBytes(asked)) / size);
    const from = number * size;
    if (from >= body.length) {
      response.code = BAD_REQUEST;
      response.contentFormat = ABSENT;
      return;
    }
    const more = from + size < body.length;
    if (body.length > size) response.etag = this.keep(peer, request, response, body);
    // A board's interpreter would go on behind the end of a body that is itself a part of something larger.
    response.payload = body.subarray(from, Math.min(body.length, from + size));
    response.block2 = blockValue(number, more, exponent);
    if (number === 0 && (more || request.size2 !== ABSENT)) response.size2 = body.length;
  }

  /** The response of which a request wants a later block, if it is still there. */
  kept(peer: Peer, request: Message): Message | undefined {
    const held = this.held.find(peer, true, request);
    if (held === undefined) return undefined;
    this.held.touch(held);
    return held.response;
  }

  /** Keeps a body, once, and returns its tag. */
  private keep(peer: Peer, request: Message, response: Message, body: Uint8Array): Uint8Array {
    const known: HeldBody | undefined = this.held.find(peer, true, request);
    if (known?.response?.payload === body) return known.response.etag;
    this.nextTag = (this.nextTag + 1) & 0xffff;
    const kept = createMessage(response.type, response.code, 0, request.token);
    kept.token = new Uint8Array(0);
    kept.payload = body;
    kept.etag = new Uint8Array([this.nextTag >> 8, this.nextTag & 0xff]);
    kept.contentFormat = response.contentFormat;
    kept.maxAge = response.maxAge;
    this.held.hold(peer, request, kept);
    return kept.etag;
  }
}
