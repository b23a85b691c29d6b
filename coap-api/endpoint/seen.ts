import { ACK, EMPTY } from "../coap/codes.js";
import type { Message } from "../coap/message.js";
import type { Peer, SeenAnswer, SeenMessages } from "./peer.js";

/** It is being carried out. */
export const IN_WORK = 0;
/** There is nothing to say. */
export const SILENCE = 1;
/** It is being carried out, and was acknowledged by an empty message. */
export const ACKNOWLEDGED = 2;
/** It was acknowledged by an empty message, and the answer came in a message of its own. */
export const ANSWERED = 3;

/**
 * What a message is recognised by: its id and a digest of its token. A peer that started anew may use a message id again, but
 * hardly with the same token.
 */
export function seenKey(messageId: number, token: Uint8Array): number {
  let digest = token.length;
  for (let i = 0; i < token.length; i++) digest = (digest * 257 + (token[i] as number)) | 0;
  return (digest << 16) | messageId;
}

/** Where a message is remembered, if it came within its lifetime; else -1. */
export function findSeen(seen: SeenMessages, key: number, nowMs: number): number {
  const at = seen.keys.indexOf(key);
  return at >= 0 && (seen.expiresMs[at] as number) >= nowMs ? at : -1;
}

/** Remembers a message; the oldest one that is not in work makes room. */
export function addSeen(
  seen: SeenMessages,
  key: number,
  answer: SeenAnswer,
  expiresMs: number,
  capacity: number,
): void {
  const { answers } = seen;
  let at = seen.next;
  for (let i = 1; i < capacity; i++) {
    if (at >= answers.length || !isInWork(answers[at] as SeenAnswer)) break;
    at = (at + 1) % capacity;
  }
  seen.keys[at] = key;
  answers[at] = answer;
  seen.expiresMs[at] = expiresMs;
  seen.next = (at + 1) % capacity;
}

/** Remembers how a message was answered, if it is remembered. */
export function settleSeen(seen: SeenMessages, key: number, answer: SeenAnswer): void {
  const at = seen.keys.indexOf(key);
  if (at >= 0) seen.answers[at] = answer;
}

/** The answer to a repetition, as bytes; undefined when there is none (yet). */
export function repeatedAnswer(peer: Peer, at: number, message: Message): Uint8Array | undefined {
  const answer = peer.seen.answers[at] as SeenAnswer;
  if (typeof answer !== "number") return answer;
  if (answer === IN_WORK || answer === SILENCE) return undefined;
  if (answer <= ANSWERED) return acknowledgement(EMPTY, message.messageId, []);
  return acknowledgement(answer, message.messageId, message.token);
}

/** An acknowledgement without options and payload. */
export function acknowledgement(code: number, messageId: number, token: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(4 + token.length);
  bytes[0] = 0x40 | (ACK << 4) | token.length;
  bytes[1] = code;
  bytes[2] = messageId >> 8;
  bytes[3] = messageId;
  bytes.set(token, 4);
  return bytes;
}

function isInWork(answer: SeenAnswer): boolean {
  return answer === IN_WORK || answer === ACKNOWLEDGED;
}
