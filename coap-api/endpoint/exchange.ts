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

/** A message of ours on its way. */
export interface Transmission {
  message: Message;
  /** The message as sent, for repetitions. */
  datagram: Uint8Array;
  /** Timer of the next repetition or of the end; 0: none. */
  timer: number;
  timeoutMs: number;
  repetitions: number;
  acknowledged: boolean;
  done: Done;
}

/** A request on its way; the message is another one for each block. */
export interface Exchange extends Transmission {
  readonly request: OutgoingRequest;
  /** Bytes of the request body that the peer has. */
  sentBytes: number;
  /** Block size exponent in use. */
  exponent: number;
  /** Blocks of the response body so far. */
  blocks: Uint8Array[];
  receivedBytes: number;
  etag: Uint8Array;
  /** What the server wants to see to believe our address (RFC 9175 section 2). */
  echo: Uint8Array;
  restarts: number;
}
