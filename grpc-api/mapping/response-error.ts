import type { ResponseError } from "../../core/api.js";
import type * as proto from "../generated/messages.js";

/** Writes a `ResponseError`. */
export function responseErrorToMessage(error: ResponseError): proto.ResponseError {
  return { summary: error.summary, detail: error.detail };
}

/** Reads a `ResponseError`; an absent detail stays absent. */
export function responseErrorFromMessage(message: proto.ResponseError): ResponseError {
  return message.detail === undefined
    ? { summary: message.summary }
    : { summary: message.summary, detail: message.detail };
}
