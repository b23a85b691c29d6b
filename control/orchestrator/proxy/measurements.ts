import type { NodeUpdate } from "../../../core/api.js";
import { BoundedQueue } from "../../../core/bounded-queue.js";
import type { PerformanceSamples, SamplesById } from "../../../core/samples.js";
import type { RedisCommand } from "../../../platform/redis/redis-session.js";
import { decimal, secondsOf } from "./decimal.js";
import { encodeHealth } from "./proxy-json.js";
import { PROXY_KEYS } from "./proxy-keys.js";

/** Series names of the durations. */
export const DURATION_SERIES = {
  instantiateTimes: "function_instantiate_time",
  initTimes: "function_init_time",
  executionTimes: "function_execution_time",
  stopTimes: "function_stop_time",
  transferTimes: "function_transfer_time",
} as const;

interface Member {
  readonly key: string;
  readonly score: string;
  readonly member: string;
}

/** One sample with the name of its series; for log entries, the target names the series. */
export interface SeriesEntry {
  readonly functionId: string;
  readonly series: string;
  /** Unix seconds with fraction. */
  readonly time: string;
  readonly value: string;
}

/** Health reports and samples on their way to the sorted sets of the mirror; what is too much is dropped and counted. */
export class Measurements {
  readonly #waiting: BoundedQueue<Member>;

  /** @param capacity most entries that wait while Redis is away */
  constructor(capacity: number) {
    this.#waiting = new BoundedQueue(capacity);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** How many were dropped so far. */
  get dropped(): number {
    return this.#waiting.dropped;
  }

  /** @param wallMs time of reception, Unix milliseconds */
  add({ nodeId, health, samples }: NodeUpdate, wallMs: number): void {
    this.#waiting.push({
      key: PROXY_KEYS.health(nodeId),
      score: decimal(wallMs / 1000),
      member: encodeHealth(health),
    });
    for (const { functionId, series, time, value } of entriesOf(samples))
      this.#waiting.push({
        key: PROXY_KEYS.performance(functionId, series),
        score: time,
        member: `${time}:${value}`,
      });
  }

  /** Takes at most `most` entries out, as one command per sorted set. */
  takeCommands(most: number): RedisCommand[] {
    const commands = new Map<string, string[]>();
    for (let i = 0; i < most; i++) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      const command = commands.get(next.key) ?? ["ZADD", next.key];
      command.push(next.score, next.member);
      commands.set(next.key, command);
    }
    return [...commands.values()];
  }
}

/** Everything measured, durations first. */
export function* entriesOf(samples: PerformanceSamples): Generator<SeriesEntry> {
  yield* durations(samples.instantiateTimes, DURATION_SERIES.instantiateTimes);
  yield* durations(samples.initTimes, DURATION_SERIES.initTimes);
  yield* durations(samples.executionTimes, DURATION_SERIES.executionTimes);
  yield* durations(samples.stopTimes, DURATION_SERIES.stopTimes);
  yield* durations(samples.transferTimes, DURATION_SERIES.transferTimes);
  yield* logEntriesOf(samples);
}

/** The log lines of functions alone. */
export function* logEntriesOf({
  logEntries,
}: Pick<PerformanceSamples, "logEntries">): Generator<SeriesEntry> {
  for (const [functionId, entries] of logEntries) {
    for (const { time, target, message } of entries)
      yield { functionId, series: target, time: decimal(secondsOf(time)), value: message };
  }
}

function* durations(samples: SamplesById, series: string): Generator<SeriesEntry> {
  for (const [functionId, list] of samples) {
    for (const { time, seconds } of list)
      yield { functionId, series, time: decimal(secondsOf(time)), value: decimal(seconds) };
  }
}
