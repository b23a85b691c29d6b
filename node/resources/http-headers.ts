import type { StringMap } from "../../core/specification.js";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VISIBLE = /^[\t\x20-\x7e]*$/;

/** True for a field name of RFC 9110 section 5.1. */
export function isHeaderName(name: string): boolean {
  return TOKEN.test(name);
}

/** True when `value` is visible ASCII, blanks and tabs only: what a function can be given and may give. */
export function isHeaderValue(value: string): boolean {
  return VISIBLE.test(value);
}

/**
 * Headers as functions see them: names in lower case, values of visible ASCII, of repeated ones the last.
 * @param raw name, value, name, value, ... as received
 */
export function visibleHeaders(raw: readonly string[]): StringMap {
  const headers = new Map<string, string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const value = raw[i + 1] ?? "";
    if (isHeaderValue(value)) headers.set((raw[i] ?? "").toLowerCase(), value);
  }
  return headers;
}
