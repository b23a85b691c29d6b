import { ABSENT, type Message } from "./message.js";

/** Content-Formats (RFC 7252 section 12.3): links of RFC 6690, bytes without further meaning, CBOR. */
export const LINKS_FORMAT = 40;
export const OCTETS = 42;
export const CBOR = 60;

/** True when a request brings a payload in a format that nothing here reads; most say nothing of it. */
export function isStrangeFormat({ contentFormat, payload }: Message): boolean {
  return contentFormat !== ABSENT && payload.length > 0 && contentFormat !== CBOR && contentFormat !== OCTETS;
}
