/** Bounds and times of bridges; the optional table `[bridges]` of the configuration. */
export interface BridgeSettings {
  /** Most events that wait at one bridge while its other end is being placed; further ones are dropped and counted. */
  readonly queueEvents: number;
  /** How long an event may wait there, milliseconds. */
  readonly queueAgeMs: number;
  /** How long the answer to a call may take, milliseconds. */
  readonly callTimeoutMs: number;
  /** Most calls of all bridges that wait for their answer. */
  readonly maxCalls: number;
}

/** What holds when the configuration says nothing. */
export const BRIDGE_DEFAULTS: BridgeSettings = {
  queueEvents: 1_000,
  queueAgeMs: 10_000,
  callTimeoutMs: 30_000,
  maxCalls: 10_000,
};
