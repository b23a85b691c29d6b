import { EdgelessError } from "../../core/errors.js";
import type { OutgoingRequest } from "./outgoing-request.js";

/** Headers that describe a body. */
const BODY_HEADERS = ["content-type", "content-encoding", "content-length", "transfer-encoding"];
/** Headers that are meant for one origin only. */
const ORIGIN_HEADERS = [
  "authorization",
  "cookie",
  "cookie2",
  "host",
  "proxy-authorization",
  "www-authenticate",
];

/**
 * The request that a redirect asks for (RFC 9110 section 15.4): 301, 302 and 303 turn everything but HEAD into a GET
 * without body, 307 and 308 repeat the request. Credentials stay with their origin.
 * @returns undefined when the answer is no redirect or its Location is missing or unreadable
 * @throws EdgelessError EDGELESS_REJECTED when it leads away from http and https
 */
export function nextHop(
  request: OutgoingRequest,
  status: number,
  location: string | undefined,
): OutgoingRequest | undefined {
  const turns = status === 301 || status === 302 || status === 303;
  const repeats = status === 307 || status === 308;
  if (location === undefined || !(turns || repeats) || !URL.canParse(location, request.url.href))
    return undefined;
  const url = new URL(location, request.url);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new EdgelessError("EDGELESS_REJECTED", `${request.url.origin} redirects to scheme ${url.protocol}`);
  const sameOrigin = url.origin === request.url.origin;
  const headers = new Map(
    [...request.headers].filter(([name]) => {
      const lower = name.toLowerCase();
      return !(turns && BODY_HEADERS.includes(lower)) && (sameOrigin || !ORIGIN_HEADERS.includes(lower));
    }),
  );
  if (repeats) return { ...request, url, headers };
  return { method: request.method === "Head" ? "Head" : "Get", url, headers, body: undefined };
}
