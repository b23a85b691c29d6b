/** Limits of the container run-time. */
export interface ContainerSettings {
  /** Where the node listens for its functions in containers. */
  readonly guestApiHostUrl: string;
  /** What the functions are told instead; empty: the former, verbatim. */
  readonly guestApiHostUrlAnnounced: string;
  /** Unix socket of the container engine. */
  readonly engineSocket: string;
  /** Longest answer of the engine, milliseconds. */
  readonly engineTimeoutMs: number;
  /** Most instances at a time. */
  readonly maxInstances: number;
  /** How long a function may take until it answers the boot, milliseconds. */
  readonly startTimeoutMs: number;
  /** Longest time of one handler, milliseconds, waiting included. */
  readonly maxRunTimeMs: number;
  /** After how many milliseconds a call without an answer fails. */
  readonly callTimeoutMs: number;
  /** Most events that wait for one instance. */
  readonly mailboxCapacity: number;
  /** Most text that waits for all instances, and that waits for its time; characters. */
  readonly maxWaitingText: number;
  /** Most delayed casts of one instance that have not been sent yet. */
  readonly maxTimers: number;
}

export const DEFAULT_CONTAINER_SETTINGS: ContainerSettings = {
  guestApiHostUrl: "http://127.0.0.1:7100",
  guestApiHostUrlAnnounced: "",
  engineSocket: "/var/run/docker.sock",
  engineTimeoutMs: 30_000,
  maxInstances: 100,
  startTimeoutMs: 30_000,
  maxRunTimeMs: 60_000,
  callTimeoutMs: 30_000,
  mailboxCapacity: 1000,
  maxWaitingText: 64 * 1024 * 1024,
  maxTimers: 1000,
};
