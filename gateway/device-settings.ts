/** Bounds and times that hold for each device of a gateway. */
export interface DeviceSettings {
  /** Most events that wait for one device. */
  readonly queueEvents: number;
  /** How long an event may wait for a device, milliseconds. */
  readonly queueAgeMs: number;
  /** Most calls of one device, and to one device, that wait for their answer. */
  readonly pendingCalls: number;
  /** How long a call may wait for its answer, milliseconds. */
  readonly callTimeoutMs: number;
  /** Most foreign instances that a device can answer to. */
  readonly references: number;
  /** When a device is told to try again because of overload, seconds. */
  readonly overloadSeconds: number;
  /** Longest run time of a handler on a device, milliseconds; 0: as the device has it. */
  readonly maxRunTimeMs: number;
  /** Log lines that are kept of each device. */
  readonly logLines: number;
  /** Largest state of a function that is kept, bytes. */
  readonly maxStateBytes: number;
}

/** What holds when the configuration says nothing. */
export const DEVICE_DEFAULTS: DeviceSettings = {
  queueEvents: 200,
  queueAgeMs: 30_000,
  pendingCalls: 100,
  callTimeoutMs: 30_000,
  references: 64,
  overloadSeconds: 1,
  maxRunTimeMs: 0,
  logLines: 200,
  maxStateBytes: 16_384,
};
