/** Bounds and times of the data plane; the optional table `[dataplane]` of the configuration. */
export interface DataPlaneSettings {
  /** Most events that wait for one peer; further ones are dropped and counted. */
  readonly queueEvents: number;
  /** Most payload that waits for one peer, in UTF-16 code units. */
  readonly queuePayload: number;
  /** How long an event may wait for a peer, in milliseconds; older ones are dropped and counted. */
  readonly queueAgeMs: number;
  /** Events in flight to one peer at a time, each of another pair of instances. */
  readonly inFlight: number;
  /** Deadline of the transfer of one event, in milliseconds. */
  readonly deadlineMs: number;
}

/** What holds when the configuration says nothing. */
export const DATA_PLANE_DEFAULTS: DataPlaneSettings = {
  queueEvents: 10_000,
  queuePayload: 64 * 1024 * 1024,
  queueAgeMs: 10_000,
  inFlight: 64,
  deadlineMs: 5_000,
};
