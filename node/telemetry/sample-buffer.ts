import type { Clock } from "../../core/clock.js";
import { timestampFromMs } from "../../core/event.js";
import type { FunctionLogEntry, PerformanceSamples, Sample } from "../../core/samples.js";
import type { Uuid } from "../../core/uuid.js";

/** Which series of {@link PerformanceSamples} a duration belongs to. */
export type SampleSeries = Exclude<keyof PerformanceSamples, "logEntries">;

/** Most durations kept between two reports; about 300 KiB on the wire. */
export const MOST_SAMPLES = 10_000;
/** Most log lines kept between two reports. */
export const MOST_LOG_ENTRIES = 1_000;
/** Longest text of a log line that is kept, UTF-16 units. */
const LONGEST_MESSAGE = 1_024;

type Series<T> = Map<Uuid, T[]>;

/** What was measured since the last report, stamped with the time of recording; bounded, the excess is counted. */
export class SampleBuffer {
  readonly #clock: Clock;
  #series = emptySeries();
  #logEntries: Series<FunctionLogEntry> = new Map();
  #samples = 0;
  #entries = 0;
  #dropped = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many durations and log lines did not fit so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Keeps a duration in seconds. */
  add(series: SampleSeries, id: Uuid, seconds: number): void {
    if (this.#samples >= MOST_SAMPLES) {
      this.#dropped++;
      return;
    }
    this.#samples++;
    append(this.#series[series], id, { time: timestampFromMs(this.#clock.wallMs()), seconds });
  }

  /** Keeps a log line of a function. */
  addLog(id: Uuid, target: string, message: string): void {
    if (this.#entries >= MOST_LOG_ENTRIES) {
      this.#dropped++;
      return;
    }
    this.#entries++;
    const time = timestampFromMs(this.#clock.wallMs());
    append(this.#logEntries, id, { time, target, message: message.slice(0, LONGEST_MESSAGE) });
  }

  /** Takes everything out. */
  drain(): PerformanceSamples {
    const samples = { ...this.#series, logEntries: this.#logEntries };
    this.#series = emptySeries();
    this.#logEntries = new Map();
    this.#samples = 0;
    this.#entries = 0;
    return samples;
  }
}

function emptySeries(): Record<SampleSeries, Series<Sample>> {
  return {
    instantiateTimes: new Map(),
    initTimes: new Map(),
    executionTimes: new Map(),
    stopTimes: new Map(),
    transferTimes: new Map(),
  };
}

function append<T>(series: Series<T>, id: Uuid, item: T): void {
  const known = series.get(id);
  if (known === undefined) series.set(id, [item]);
  else known.push(item);
}
