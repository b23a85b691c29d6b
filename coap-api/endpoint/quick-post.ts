import type { Link } from "./link.js";
import { addSeen } from "./seen.js";

/**
 * Carries out a request that is nothing but a payload.
 * @param from where the payload starts in the datagram, which stays as it is
 * @returns the code of the answer, which has no payload; 0: nothing was done, and the request is to go the usual way
 */
export type QuickPost = (datagram: Uint8Array, from: number, address: string, port: number) => number;

/** First byte of a confirmable message without a token; the length of the token is added (RFC 7252 section 3). */
const CONFIRMABLE = 0x40;
const LONGEST_TOKEN = 8;
/** Added to it, the message is an acknowledgement. */
const TO_ACKNOWLEDGEMENT = 0x20;
/** Head of an option Uri-Path of one byte, when it is the first option. */
const SHORT_PATH = 0xb1;
const PAYLOAD_MARKER = 0xff;

/**
 * Takes a datagram that is a `POST`, if it is a confirmable one to a path of one letter without further options, the form in which
 * events come: seen in one pass, and answered without a message being made of it. What is in any way unusual goes the usual way,
 * repetitions included.
 * @param letter of the path, its ASCII code
 * @returns whether it was answered
 */
export function takeQuickPost(
  link: Link,
  datagram: Uint8Array,
  address: string,
  port: number,
  letter: number,
  handler: QuickPost,
): boolean {
  const first = datagram[0] as number;
  const end = first - CONFIRMABLE + 4;
  if (
    !(end >= 4 && end <= 4 + LONGEST_TOKEN) ||
    datagram[end] !== SHORT_PATH ||
    datagram[end + 1] !== letter ||
    datagram[end + 2] !== PAYLOAD_MARKER ||
    datagram.length < end + 4
  )
    return false;
  const peer = link.peerAt(address, port);
  const { settings } = link;
  const { seen } = peer;
  // As `seenKey` does it.
  let digest = end - 4;
  for (let i = 4; i < end; i++) digest = (digest * 257 + (datagram[i] as number)) | 0;
  const key = (digest << 16) | ((datagram[2] as number) << 8) | (datagram[3] as number);
  if (seen.keys.indexOf(key) >= 0 || peer.pending >= settings.duplicatesPerPeer) return false;
  const code = handler(datagram, end + 3, address, port);
  if (code === 0) return false;
  addSeen(seen, key, code, link.timers.nowMs() + settings.exchangeLifetimeMs, settings.duplicatesPerPeer);
  const answer = new Uint8Array(datagram.subarray(0, end));
  answer[0] = first + TO_ACKNOWLEDGEMENT;
  answer[1] = code;
  link.sendBytes(peer, answer);
  return true;
}
