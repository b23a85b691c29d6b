import type { Message } from "../coap/message.js";

/** Why a request got no response. */
export type Failure = "timeout" | "reset" | "refused" | "too large" | "malformed" | "closed";

/** A request to another endpoint. */
export interface OutgoingRequest {
  code: number;
  /** Segments joined by "/". */
  path: string;
  /** Parts joined by "&"; absent: none. */
  query?: string;
  payload?: Uint8Array;
  /** True: sent once and not acknowledged. */
  nonConfirmable?: boolean;
  accept?: number;
  contentFormat?: number;
  etag?: Uint8Array;
}

/** Takes the response, with its whole body, or the reason why there is none. */
export type Done = (response: Message | undefined, failure: Failure | undefined) => void;

/** A message of ours on its way: a request with what follows, or a response that wants to be acknowledged. */
export interface Exchange {
  /** The message under way; another one for each block. */
  message: Message;
  /** The message as sent, for repetitions. */
  datagram: Uint8Array;
  /** Timer of the next repetition or of the end; 0: none. */
  timer: number;
  timeoutMs: number;
  repetitions: number;
  acknowledged: boolean;
  /** The request that is carried out; undefined for a response of ours. */
  request: OutgoingRequest | undefined;
  done: Done;
  /** Bytes of the request body that the peer has. */
  sentBytes: number;
  /** Block size exponent in use. */
  exponent: number;
  /** Blocks of the response body so far. */
  parts: Uint8Array[];
  receivedBytes: number;
  etag: Uint8Array;
  restarts: number;
}
