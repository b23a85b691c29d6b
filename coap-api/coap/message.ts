import { NOTHING } from "../nothing.js";
import { readUtf8, utf8Length, writeUtf8 } from "../utf8.js";
import { WireFault } from "../wire-fault.js";
import { EMPTY } from "./codes.js";
import {
  ACCEPT,
  BLOCK1,
  BLOCK2,
  CONTENT_FORMAT,
  ECHO,
  ETAG,
  LOCATION_PATH,
  LOCATION_QUERY,
  MAX_AGE,
  OBSERVE,
  SIZE1,
  SIZE2,
  URI_HOST,
  URI_PATH,
  URI_PORT,
  URI_QUERY,
} from "./option-numbers.js";

/** An option that is not there, for options whose value is a number. */
export const ABSENT = -1;

/**
 * A CoAP message (RFC 7252 section 3) with the options that this project knows as fields, so that a board reads it in one
 * pass. Numbers are {@link ABSENT} and texts empty when the option is not there.
 */
export interface Message {
  /** CON, NON, ACK or RST. */
  type: number;
  code: number;
  messageId: number;
  token: Uint8Array;
  /** Uri-Path of a request, segments joined by "/". */
  path: string;
  /** Uri-Query of a request, parts joined by "&". */
  query: string;
  /** Location-Path of a response, segments joined by "/". */
  locationPath: string;
  observe: number;
  /** Raw value of Block1: number, more flag and size exponent (RFC 7959 section 2.2). */
  block1: number;
  block2: number;
  size1: number;
  size2: number;
  maxAge: number;
  contentFormat: number;
  accept: number;
  etag: Uint8Array;
  echo: Uint8Array;
  /** Number of the first critical option that is unknown or has no meaning in its form; 0: none. */
  badOption: number;
  payload: Uint8Array;
}

/** A message without options and payload. */
export function createMessage(type: number, code: number, messageId: number, token: Uint8Array): Message {
  return {
    type,
    code,
    messageId,
    token,
    path: "",
    query: "",
    locationPath: "",
    observe: ABSENT,
    block1: ABSENT,
    block2: ABSENT,
    size1: ABSENT,
    size2: ABSENT,
    maxAge: ABSENT,
    contentFormat: ABSENT,
    accept: ABSENT,
    etag: NOTHING,
    echo: NOTHING,
    badOption: 0,
    payload: NOTHING,
  };
}

/**
 * Reads a datagram as a CoAP message. An option of a form that RFC 7252 does not allow counts as not recognised, as its
 * section 5.4.3 demands: a critical one is reported in `badOption`, any other is ignored.
 * @throws WireFault for everything that section 3 calls a message format error
 */
export function decodeMessage(bytes: Uint8Array): Message {
  const size = bytes.length;
  if (size < 4) throw new WireFault("truncated", size);
  const first = bytes[0] as number;
  if (first >> 6 !== 1) throw new WireFault("version", 0);
  const tokenLength = first & 0x0f;
  const code = bytes[1] as number;
  if (tokenLength > 8) throw new WireFault("token length", 0);
  if (code === EMPTY && size > 4) throw new WireFault("empty message with content", 4);
  let at = 4 + tokenLength;
  if (at > size) throw new WireFault("truncated", size);
  const messageId = ((bytes[2] as number) << 8) | (bytes[3] as number);
  const message = createMessage((first >> 4) & 3, code, messageId, bytes.subarray(4, at));
  let number = 0;
  while (at < size) {
    const head = bytes[at] as number;
    if (head === 0xff) {
      if (at + 1 === size) throw new WireFault("payload marker without payload", at);
      message.payload = bytes.subarray(at + 1);
      break;
    }
    at++;
    let delta = head >> 4;
    let length = head & 0x0f;
    if (delta === 15) throw new WireFault("option delta", at - 1);
    if (length === 15) throw new WireFault("option length", at - 1);
    if (delta > 12) {
      const extended = delta === 13 ? 1 : 2;
      if (at + extended > size) throw new WireFault("truncated", size);
      delta =
        extended === 1
          ? 13 + (bytes[at] as number)
          : 269 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number));
      at += extended;
    }
    if (length > 12) {
      const extended = length === 13 ? 1 : 2;
      if (at + extended > size) throw new WireFault("truncated", size);
      length =
        extended === 1
          ? 13 + (bytes[at] as number)
          : 269 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number));
      at += extended;
    }
    number += delta;
    if (number > 65535) throw new WireFault("option delta", at);
    if (length > size - at) throw new WireFault("truncated", size);
    const known = (delta > 0 || isRepeatable(number)) && readOption(message, number, bytes, at, length);
    if (!known && number & 1 && message.badOption === 0) message.badOption = number;
    at += length;
  }
  return message;
}

/** Options that may come more than once; a second one of the others counts as not recognised (RFC 7252 section 5.4.5). */
function isRepeatable(number: number): boolean {
  return (
    number === URI_PATH ||
    number === URI_QUERY ||
    number === LOCATION_PATH ||
    number === LOCATION_QUERY ||
    number === ETAG
  );
}

/** Takes one option into the message; false when it is not recognised. */
function readOption(
  message: Message,
  number: number,
  bytes: Uint8Array,
  from: number,
  length: number,
): boolean {
  if (number === URI_PATH || number === URI_QUERY || number === LOCATION_PATH) {
    if (length > 255) return false;
    let text: string;
    try {
      text = readUtf8(bytes, from, from + length);
    } catch (_fault) {
      return false;
    }
    if (number === URI_PATH) message.path = message.path === "" ? text : `${message.path}/${text}`;
    else if (number === URI_QUERY) message.query = message.query === "" ? text : `${message.query}&${text}`;
    else message.locationPath = message.locationPath === "" ? text : `${message.locationPath}/${text}`;
    return true;
  }
  if (number === ETAG || number === ECHO) {
    if (length < 1 || length > (number === ETAG ? 8 : 40)) return false;
    if (number === ETAG) message.etag = bytes.subarray(from, from + length);
    else message.echo = bytes.subarray(from, from + length);
    return true;
  }
  if (number === URI_HOST) return length >= 1 && length <= 255;
  if (number === URI_PORT) return length <= 2;
  if (number === LOCATION_QUERY) return length <= 255;
  return readNumber(message, number, bytes, from, length);
}

/** Takes an option whose value is a number of at most four bytes. */
function readNumber(
  message: Message,
  number: number,
  bytes: Uint8Array,
  from: number,
  length: number,
): boolean {
  if (length > 4) return false;
  let value = 0;
  for (let i = 0; i < length; i++) value = value * 256 + (bytes[from + i] as number);
  if (number === BLOCK1 || number === BLOCK2 || number === OBSERVE) {
    if (length > 3) return false;
    if (number === BLOCK1) message.block1 = value;
    else if (number === BLOCK2) message.block2 = value;
    else message.observe = value;
  } else if (number === CONTENT_FORMAT || number === ACCEPT) {
    if (length > 2) return false;
    if (number === ACCEPT) message.accept = value;
    else message.contentFormat = value;
  } else if (number === MAX_AGE) message.maxAge = value;
  else if (number === SIZE1) message.size1 = value;
  else if (number === SIZE2) message.size2 = value;
  else return false;
  return true;
}

/** Writes a message as a datagram; options go in ascending order of their numbers. */
export function encodeMessage(message: Message): Uint8Array {
  const { token, payload } = message;
  writer.start(
    messageRoom(message),
    0x40 | (message.type << 4) | token.length,
    message.code,
    message.messageId,
  );
  writer.bytes.set(token, 4);
  writer.at = 4 + token.length;
  if (message.etag.length > 0) writer.option(ETAG, message.etag);
  if (message.observe !== ABSENT) writer.number(OBSERVE, message.observe);
  if (message.locationPath !== "") writer.parts(LOCATION_PATH, message.locationPath, "/");
  if (message.path !== "") writer.parts(URI_PATH, message.path, "/");
  if (message.contentFormat !== ABSENT) writer.number(CONTENT_FORMAT, message.contentFormat);
  if (message.maxAge !== ABSENT) writer.number(MAX_AGE, message.maxAge);
  if (message.query !== "") writer.parts(URI_QUERY, message.query, "&");
  if (message.accept !== ABSENT) writer.number(ACCEPT, message.accept);
  if (message.block2 !== ABSENT) writer.number(BLOCK2, message.block2);
  if (message.block1 !== ABSENT) writer.number(BLOCK1, message.block1);
  if (message.size2 !== ABSENT) writer.number(SIZE2, message.size2);
  if (message.size1 !== ABSENT) writer.number(SIZE1, message.size1);
  if (message.echo.length > 0) writer.option(ECHO, message.echo);
  if (payload.length > 0) {
    writer.bytes[writer.at++] = 0xff;
    writer.bytes.set(payload, writer.at);
    writer.at += payload.length;
  }
  const datagram = new Uint8Array(writer.bytes.subarray(0, writer.at));
  if (writer.bytes.length > KEPT) writer.bytes = new Uint8Array(KEPT);
  return datagram;
}

/** No message is longer: a text needs at most three bytes a unit, and each of its parts a head of five. */
function messageRoom(message: Message): number {
  const texts = message.path.length + message.query.length + message.locationPath.length;
  const { token, etag, echo, payload } = message;
  return 96 + 8 * texts + token.length + etag.length + echo.length + payload.length;
}

/** Bytes of the buffer that stays; a board cannot afford to keep one for its largest message. */
const KEPT = 192;

class MessageWriter {
  bytes: Uint8Array;
  at: number;
  private last: number;

  constructor(room: number) {
    this.bytes = new Uint8Array(room);
    this.at = 0;
    this.last = 0;
  }

  start(room: number, head: number, code: number, messageId: number): void {
    if (room > this.bytes.length || this.bytes.length > KEPT)
      this.bytes = new Uint8Array(Math.max(room, KEPT));
    this.last = 0;
    this.bytes[0] = head;
    this.bytes[1] = code;
    this.bytes[2] = messageId >> 8;
    this.bytes[3] = messageId & 0xff;
  }

  option(number: number, value: Uint8Array): void {
    this.head(number, value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
  }

  /** An unsigned number in as few bytes as it needs (RFC 7252 section 3.2). */
  number(number: number, value: number): void {
    const width = value === 0 ? 0 : value < 0x100 ? 1 : value < 0x10000 ? 2 : value < 0x1000000 ? 3 : 4;
    this.head(number, width);
    let rest = value;
    for (let at = this.at + width - 1; at >= this.at; at--) {
      this.bytes[at] = rest & 0xff;
      rest = Math.floor(rest / 256);
    }
    this.at += width;
  }

  parts(number: number, text: string, separator: string): void {
    let from = 0;
    while (from <= text.length) {
      const next = text.indexOf(separator, from);
      const part = text.substring(from, next < 0 ? text.length : next);
      this.head(number, utf8Length(part));
      this.at = writeUtf8(part, this.bytes, this.at);
      from = next < 0 ? text.length + 1 : next + 1;
    }
  }

  private head(number: number, length: number): void {
    const delta = number - this.last;
    this.last = number;
    const start = this.at++;
    const upper = this.extended(delta) << 4;
    this.bytes[start] = upper | this.extended(length);
  }

  /** Writes the extension of a delta or length and returns its nibble. */
  private extended(value: number): number {
    if (value < 13) return value;
    if (value < 269) {
      this.bytes[this.at++] = value - 13;
      return 13;
    }
    this.bytes[this.at++] = (value - 269) >> 8;
    this.bytes[this.at++] = (value - 269) & 0xff;
    return 14;
  }
}

/** One buffer for all small messages: a datagram is copied out of it at its true length. */
const writer = new MessageWriter(KEPT);
