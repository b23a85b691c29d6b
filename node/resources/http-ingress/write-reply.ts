import type { ServerResponse } from "node:http";
import { isHeaderName, isHeaderValue } from "../http-headers.js";
import type { HttpResponse } from "../http-message.js";

/** Headers that belong to the connection, which is the server's business. */
const CONNECTION_HEADERS = ["connection", "keep-alive", "trailer", "transfer-encoding", "upgrade"];

/** True for a status that can end a request (RFC 9110 section 15, without the 1xx interim ones). */
export function isFinalStatus(status: number): boolean {
  return status >= 200 && status <= 999;
}

/** Sends an answer; headers that HTTP does not allow are left out. */
export function writeReply(response: ServerResponse, reply: HttpResponse): void {
  if (response.destroyed || response.headersSent) return;
  const body = reply.body ?? new Uint8Array();
  const isHead = response.req.method === "HEAD";
  response.statusCode = reply.status;
  for (const [name, value] of reply.headers) {
    const lower = name.toLowerCase();
    // The length is that of the body; only a HEAD has none to measure.
    const isOurs = CONNECTION_HEADERS.includes(lower) || (lower === "content-length" && !isHead);
    if (!isOurs && isHeaderName(name) && isHeaderValue(value)) response.setHeader(name, value);
  }
  if (!isHead && reply.status !== 204 && reply.status !== 304)
    response.setHeader("content-length", body.length);
  response.end(isHead ? undefined : body);
}
