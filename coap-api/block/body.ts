import { BAD_REQUEST, CONTINUE, REQUEST_ENTITY_INCOMPLETE, REQUEST_ENTITY_TOO_LARGE } from "../coap/codes.js";
import { ABSENT } from "../coap/message.js";
import { blockBytes, blockExponent, blockMore, blockNumber, LARGEST_EXPONENT } from "./block-option.js";

/** Outcome of {@link takeBlock} when the body is complete. */
export const COMPLETE = 0;

/**
 * Takes the parts of a body that is not kept as a whole, in order; a part may come once more.
 * @param total length of the whole body
 * @returns {@link FITS}, or the number of bytes for which there would be room
 */
export type BodySink = (at: number, bytes: Uint8Array, total: number) => number;

/** Most room, in bytes, that is made for what a peer has announced and not yet sent: anybody can announce. */
const FIRST_ROOM = 16384;

/** What a {@link BodySink} gives for a part that it took. */
export const FITS = -1;

/** A request body that arrives block by block (RFC 7959 section 2.5). The token plays no part in it. */
export interface Body {
  buffer: Uint8Array;
  /** Bytes so far; blocks are placed by it, so a peer may change to a smaller size. */
  length: number;
  /** Bytes of the newest block, which may come once more under another message id. */
  newest: number;
  /** Where the parts go; undefined: into the buffer. */
  sink: BodySink | undefined;
  /** Length of the whole body as the peer said with the first block, or {@link ABSENT}. */
  total: number;
  /** Bytes for which there would be room, when there is none for the body. */
  room: number;
}

/** A body of which nothing has come. */
export function createBody(): Body {
  return { buffer: new Uint8Array(0), length: 0, newest: 0, sink: undefined, total: ABSENT, room: 0 };
}

/** The body as it was received so far; empty when its parts went elsewhere. */
export function bodyBytes(body: Body): Uint8Array {
  return body.sink !== undefined || body.buffer.length === body.length
    ? body.buffer
    : body.buffer.subarray(0, body.length);
}

/**
 * Takes one block. The first block starts the body anew.
 * @param size1 length of the whole body as the peer says, or {@link ABSENT}: room is made for it at once, if it is not large
 * @returns {@link COMPLETE}, 2.31 when more blocks are wanted, or the error to answer with
 */
export function takeBlock(
  body: Body,
  block1: number,
  payload: Uint8Array,
  size1: number,
  maxBytes: number,
): number {
  const exponent = blockExponent(block1);
  if (exponent > LARGEST_EXPONENT) return BAD_REQUEST;
  const size = blockBytes(exponent);
  const from = blockNumber(block1) * size;
  const more = blockMore(block1);
  if (more ? payload.length !== size : payload.length > size) return BAD_REQUEST;
  body.room = maxBytes;
  if (from + payload.length > maxBytes || (from === 0 && size1 > maxBytes)) return REQUEST_ENTITY_TOO_LARGE;
  if (from === 0) body.total = size1;
  if (body.sink !== undefined) return takeElsewhere(body, body.sink, from, payload, more);
  if (from === 0) body.buffer = new Uint8Array(Math.max(Math.min(size1, FIRST_ROOM), payload.length));
  else if (from !== body.length && (body.length === 0 || from !== body.length - body.newest))
    return REQUEST_ENTITY_INCOMPLETE;
  body.length = from + payload.length;
  body.newest = payload.length;
  if (body.length > body.buffer.length) {
    const larger = new Uint8Array(more ? Math.min(maxBytes, body.length * 2) : body.length);
    larger.set(body.buffer.subarray(0, from));
    body.buffer = larger;
  }
  body.buffer.set(payload, from);
  return more ? CONTINUE : COMPLETE;
}

/** Puts blocks together. */
export function joinBlocks(blocks: readonly Uint8Array[], length: number): Uint8Array {
  const body = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < blocks.length; i++) {
    const block = blocks[i] as Uint8Array;
    body.set(block, at);
    at += block.length;
  }
  return body;
}

function takeElsewhere(body: Body, sink: BodySink, from: number, payload: Uint8Array, more: boolean): number {
  const isNext = from === body.length || from === body.length - body.newest;
  if (from !== 0 && !isNext) return REQUEST_ENTITY_INCOMPLETE;
  const end = from + payload.length;
  if (end > body.total || more === (end === body.total)) return BAD_REQUEST;
  body.room = sink(from, payload, body.total);
  if (body.room !== FITS) return REQUEST_ENTITY_TOO_LARGE;
  body.length = end;
  body.newest = payload.length;
  return more ? CONTINUE : COMPLETE;
}
