/** What an endpoint counts since its start. */
export interface EndpointCounters {
  received: number;
  sent: number;
  /** Datagrams that were no CoAP message, and messages with options that may not be ignored. */
  malformed: number;
  /** Messages that belong to nothing: late, stray, or of a kind that has no meaning. */
  unexpected: number;
  /** Messages that came again and were not executed again. */
  duplicates: number;
  retransmissions: number;
  /** Requests and responses of ours that were never answered or acknowledged. */
  timeouts: number;
  /** Messages that were not sent or not carried out because too many waited for, or from, the same peer. */
  refused: number;
  /** Peers forgotten to make room. */
  evictedPeers: number;
  /** Answers held back until the peer proves its address. */
  challenged: number;
  /** Requests and responses whose handler threw something. */
  faults: number;
}

/** All zero. */
export function createCounters(): EndpointCounters {
  return {
    received: 0,
    sent: 0,
    malformed: 0,
    unexpected: 0,
    duplicates: 0,
    retransmissions: 0,
    timeouts: 0,
    refused: 0,
    evictedPeers: 0,
    challenged: 0,
    faults: 0,
  };
}
