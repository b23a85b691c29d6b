import type { FunctionLogEntry, PerformanceSamples, Sample } from "../../core/samples.js";
import type { Uuid } from "../../core/uuid.js";

const SERIES = ["instantiateTimes", "initTimes", "executionTimes", "stopTimes", "transferTimes"] as const;

type Entries<T> = ReadonlyMap<Uuid, readonly T[]>;

/** Samples that have not reached the ε-ORC yet; when there are too many, the oldest of each instance go. */
export class SampleBacklog {
  readonly #perInstance: number;
  #waiting: PerformanceSamples | undefined;
  #dropped = 0;

  /** @param perInstance most samples that are kept for one instance in one series, and most of its log entries */
  constructor(perInstance: number) {
    this.#perInstance = perInstance;
  }

  /** How many samples and log entries were dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Joins what waits with new samples and hands out all; it is forgotten unless it comes {@link back}. */
  take(fresh: PerformanceSamples): PerformanceSamples {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting === undefined ? fresh : this.#join(waiting, fresh);
  }

  /** Keeps samples that could not be sent. */
  back(unsent: PerformanceSamples): void {
    this.#waiting = this.#waiting === undefined ? unsent : this.#join(unsent, this.#waiting);
  }

  #join(older: PerformanceSamples, newer: PerformanceSamples): PerformanceSamples {
    const series = (name: (typeof SERIES)[number]) => this.#joinEntries<Sample>(older[name], newer[name]);
    return {
      instantiateTimes: series("instantiateTimes"),
      initTimes: series("initTimes"),
      executionTimes: series("executionTimes"),
      stopTimes: series("stopTimes"),
      transferTimes: series("transferTimes"),
      logEntries: this.#joinEntries<FunctionLogEntry>(older.logEntries, newer.logEntries),
    };
  }

  #joinEntries<T>(older: Entries<T>, newer: Entries<T>): Entries<T> {
    const joined = new Map<Uuid, readonly T[]>(older);
    for (const [id, entries] of newer) {
      const all = [...(older.get(id) ?? []), ...entries];
      const surplus = Math.max(0, all.length - this.#perInstance);
      this.#dropped += surplus;
      joined.set(id, surplus === 0 ? all : all.slice(surplus));
    }
    return joined;
  }
}
