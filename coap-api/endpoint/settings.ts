/** Parameters of an endpoint; the first four are those of RFC 7252 section 4.8. */
export interface EndpointSettings {
  /** ACK_TIMEOUT, milliseconds. */
  ackTimeoutMs: number;
  /** ACK_RANDOM_FACTOR. */
  ackRandomFactor: number;
  /** MAX_RETRANSMIT. */
  maxRetransmit: number;
  /** Longest pause between two repetitions, milliseconds; above the last one of RFC 7252 it changes nothing. */
  maxTimeoutMs: number;
  /** EXCHANGE_LIFETIME: how long a message id is remembered, milliseconds. */
  exchangeLifetimeMs: number;
  /** Longest wait for a response after its request was acknowledged, milliseconds. */
  responseTimeoutMs: number;
  /** After how many milliseconds without an answer a request is acknowledged by itself. */
  ackDelayMs: number;
  /** Message ids that are remembered for one peer, and requests of it that may wait for their answers. */
  duplicatesPerPeer: number;
  /** Requests to one peer that wait behind the one under way (NSTART 1). */
  queueCapacity: number;
  /** Largest body that is taken or fetched block-wise, bytes. */
  maxBodyBytes: number;
  /** Bytes of all bodies that are held for block-wise transfers at a time. */
  maxHeldBytes: number;
  /** Bodies that are held for one peer at a time. */
  bodiesPerPeer: number;
  /** Block size exponent of own blocks, and the largest that peers are asked to use. */
  blockExponent: number;
  /** Peers that are remembered. */
  maxPeers: number;
  /** Observations that are kept. */
  maxObservers: number;
  /**
   * True: an answer of more than three times the request goes only to a peer that proved its address (RFC 9175 section
   * 2.4); others get 4.01 with an Echo option. False: for networks whose hosts are trusted, where clients may not know Echo.
   */
  verifyPeers: boolean;
}

/** Parameters of a device: one gateway, little memory. */
export const DEVICE_SETTINGS: EndpointSettings = {
  ackTimeoutMs: 2000,
  ackRandomFactor: 1.5,
  maxRetransmit: 4,
  maxTimeoutMs: 60000,
  exchangeLifetimeMs: 247000,
  responseTimeoutMs: 30000,
  ackDelayMs: 200,
  duplicatesPerPeer: 8,
  queueCapacity: 16,
  maxBodyBytes: 16384,
  maxHeldBytes: 20480,
  bodiesPerPeer: 2,
  blockExponent: 4,
  maxPeers: 4,
  maxObservers: 2,
  verifyPeers: false,
};
