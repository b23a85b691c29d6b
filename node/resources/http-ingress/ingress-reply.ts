import { decodeHttpResponse, HTTP_METHODS, type HttpResponse } from "../http-message.js";
import type { CallOutcome } from "../resource-provider.js";

/** An answer of http-ingress itself. */
export function plainReply(status: number, text: string): HttpResponse {
  return { status, body: Buffer.from(text), headers: new Map() };
}

/** The answer to a method that is not served; it names those that are (RFC 9110 section 15.5.6). */
export function methodNotAllowed(): HttpResponse {
  const headers = new Map([["allow", HTTP_METHODS.join(", ").toUpperCase()]]);
  return { ...plainReply(405, "Method Not Allowed"), headers };
}

/**
 * The HTTP answer for the outcome of the call to the target.
 * @throws EdgelessError EDGELESS_BAD_MESSAGE when the target's answer is no HTTP response as JSON
 */
export function replyFor(outcome: CallOutcome): HttpResponse {
  if (outcome.type === "timeout") return plainReply(504, "Gateway Timeout");
  if (outcome.type !== "call-ret") return plainReply(404, "Not Found");
  return decodeHttpResponse(outcome.payload);
}
