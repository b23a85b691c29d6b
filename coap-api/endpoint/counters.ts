/** What an endpoint counts since its start. */
export interface EndpointCounters {
  received: number;
  sent: number;
  /** Datagrams that were no CoAP message. */
  malformed: number;
  /** Messages that came again and were not executed again. */
  duplicates: number;
  retransmissions: number;
  /** Requests that were never answered. */
  timeouts: number;
  /** Requests refused because too many waited for the same peer. */
  refused: number;
  /** Peers forgotten to make room. */
  evictedPeers: number;
  /** Answers held back until the peer proves its address. */
  challenged: number;
}

/** All zero. */
export function createCounters(): EndpointCounters {
  return {
    received: 0,
    sent: 0,
    malformed: 0,
    duplicates: 0,
    retransmissions: 0,
    timeouts: 0,
    refused: 0,
    evictedPeers: 0,
    challenged: 0,
  };
}
