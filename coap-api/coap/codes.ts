/** Message types (RFC 7252 section 3). */
export const CON = 0;
export const NON = 1;
export const ACK = 2;
export const RST = 3;

/** Codes, class in the upper three bits (RFC 7252 section 12.1, RFC 7959 section 2.9, RFC 9175, RFC 8132). */
export const EMPTY = 0x00;
export const GET = 0x01;
export const POST = 0x02;
export const PUT = 0x03;
export const DELETE = 0x04;
export const CREATED = 0x41;
export const DELETED = 0x42;
export const VALID = 0x43;
export const CHANGED = 0x44;
export const CONTENT = 0x45;
export const CONTINUE = 0x5f;
export const BAD_REQUEST = 0x80;
export const UNAUTHORIZED = 0x81;
export const BAD_OPTION = 0x82;
export const FORBIDDEN = 0x83;
export const NOT_FOUND = 0x84;
export const METHOD_NOT_ALLOWED = 0x85;
export const NOT_ACCEPTABLE = 0x86;
export const REQUEST_ENTITY_INCOMPLETE = 0x88;
export const PRECONDITION_FAILED = 0x8c;
export const REQUEST_ENTITY_TOO_LARGE = 0x8d;
export const UNSUPPORTED_CONTENT_FORMAT = 0x8f;
export const INTERNAL_SERVER_ERROR = 0xa0;
export const NOT_IMPLEMENTED = 0xa1;
export const SERVICE_UNAVAILABLE = 0xa3;
export const GATEWAY_TIMEOUT = 0xa4;
/** This endpoint is no proxy (RFC 7252 section 5.10.2). */
export const PROXYING_NOT_SUPPORTED = 0xa5;

/** True for the codes of requests: class 0 without the empty message. */
export function isRequest(code: number): boolean {
  return code !== EMPTY && code < 0x20;
}

/** True for the codes of responses: classes 2, 4 and 5. */
export function isResponse(code: number): boolean {
  const group = code >> 5;
  return group === 2 || group === 4 || group === 5;
}

/** True when a response tells success. */
export function isSuccess(code: number): boolean {
  return code >> 5 === 2;
}

/** The usual text of a code, such as "4.04". */
export function formatCode(code: number): string {
  const detail = code & 0x1f;
  return `${code >> 5}.${detail < 10 ? "0" : ""}${detail}`;
}
