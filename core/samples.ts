import type { Timestamp } from "./event.js";
import type { Uuid } from "./uuid.js";

/** A duration in seconds and when it was recorded. Proto message `Sample`. */
export interface Sample {
  readonly time: Timestamp;
  readonly seconds: number;
}

/** A telemetry log line of a function. Proto message `FunctionLogEntry`. */
export interface FunctionLogEntry {
  readonly time: Timestamp;
  readonly target: string;
  readonly message: string;
}

/** Series per physical function id. */
export type SamplesById = ReadonlyMap<Uuid, readonly Sample[]>;

/** What a node measured since its last report. Proto message `NodePerformanceSamples`. */
export interface PerformanceSamples {
  readonly instantiateTimes: SamplesById;
  readonly initTimes: SamplesById;
  readonly executionTimes: SamplesById;
  readonly stopTimes: SamplesById;
  /** From the event's creation at its sender to the start of its handling. */
  readonly transferTimes: SamplesById;
  readonly logEntries: ReadonlyMap<Uuid, readonly FunctionLogEntry[]>;
}

/** Nothing measured. */
export const NO_SAMPLES: PerformanceSamples = {
  instantiateTimes: new Map(),
  initTimes: new Map(),
  executionTimes: new Map(),
  stopTimes: new Map(),
  transferTimes: new Map(),
  logEntries: new Map(),
};
