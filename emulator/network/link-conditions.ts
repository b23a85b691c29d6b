/** How a simulated link treats datagrams. */
export interface LinkConditions {
  /** Part of the datagrams that get lost, 0 to 1, each way. */
  readonly loss: number;
  /** One way, milliseconds. */
  readonly delayMs: number;
  /** Added to the delay, drawn for each datagram from 0 to this, milliseconds. */
  readonly jitterMs: number;
  /** Part of the datagrams that arrive twice, 0 to 1. */
  readonly duplication: number;
  /** Part of the datagrams that are held back so that later ones overtake them, 0 to 1. */
  readonly reordering: number;
  /** Bits per second each way; 0: unlimited. */
  readonly bandwidth: number;
  /** When nothing gets through: milliseconds since the network was made. */
  readonly outages: readonly { readonly fromMs: number; readonly toMs: number }[];
}

/** A link without faults and with a millisecond of delay. */
export const CLEAN_LINK: LinkConditions = {
  loss: 0,
  delayMs: 1,
  jitterMs: 0,
  duplication: 0,
  reordering: 0,
  bandwidth: 0,
  outages: [],
};
