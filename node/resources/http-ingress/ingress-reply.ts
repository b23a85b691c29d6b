import { decodeHttpResponse, type HttpResponse } from "../http-message.js";
import type { CallOutcome } from "../resource-provider.js";

/** An answer of http-ingress itself. */
export function plainReply(status: number, text: string): HttpResponse {
  return { status, body: Buffer.from(text), headers: new Map() };
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
