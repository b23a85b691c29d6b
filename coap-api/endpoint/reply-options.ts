/** Further parts of an answer. */
export interface ReplyOptions {
  locationPath?: string;
  /** Seconds; with 5.03: when to try again. */
  maxAge?: number;
  contentFormat?: number;
  /** With 4.13: the largest body that is taken, bytes. */
  size1?: number;
  /** True: a client may observe this resource. */
  observable?: boolean;
  /** True: the request is to come again with what this answer carries, to prove its address (RFC 9175 section 2.3). */
  challenge?: boolean;
}
