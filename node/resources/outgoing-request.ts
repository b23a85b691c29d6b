import type { StringMap } from "../../core/specification.js";
import type { HttpMethod } from "./http-message.js";

/** One request to an HTTP server. */
export interface OutgoingRequest {
  readonly method: HttpMethod;
  /** http or https. */
  readonly url: URL;
  readonly headers: StringMap;
  readonly body: Uint8Array | undefined;
}
