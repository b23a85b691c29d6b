import {
  type FunctionLogEntry,
  NO_SAMPLES,
  type PerformanceSamples,
  type Sample,
} from "../../core/samples.js";
import { parseUuid, type Uuid } from "../../core/uuid.js";
import type * as proto from "../generated/messages.js";
import { timestampField } from "./field.js";

/** Writes `NodePerformanceSamples`. */
export function samplesToMessage(samples: PerformanceSamples): proto.NodePerformanceSamples {
  return {
    functionInstantiateTimes: groups(samples.instantiateTimes, samplesOf),
    functionInitTimes: groups(samples.initTimes, samplesOf),
    functionExecutionTimes: groups(samples.executionTimes, samplesOf),
    functionStopTimes: groups(samples.stopTimes, samplesOf),
    functionTransferTimes: groups(samples.transferTimes, samplesOf),
    functionLogEntries: groups(samples.logEntries, entriesOf),
  };
}

function groups<T, M>(
  series: ReadonlyMap<Uuid, readonly T[]>,
  group: (id: Uuid, items: readonly T[]) => M,
): M[] {
  return [...series].map(([id, items]) => group(id, items));
}

function samplesOf(id: Uuid, samples: readonly Sample[]): proto.Samples {
  return {
    id,
    samples: samples.map(({ time, seconds }) => ({
      timestampSec: BigInt(time.seconds),
      timestampNs: time.nanoseconds,
      sample: seconds,
    })),
  };
}

function entriesOf(id: Uuid, entries: readonly FunctionLogEntry[]): proto.FunctionLogEntries {
  return {
    id,
    entries: entries.map(({ time, target, message }) => ({
      timestampSec: BigInt(time.seconds),
      timestampNs: time.nanoseconds,
      target,
      msg: message,
    })),
  };
}

/** Samples as far as they could be read. */
export interface ReadSamples {
  readonly samples: PerformanceSamples;
  /** Groups left out because their id is no UUID, and single samples left out because their time is none. */
  readonly dropped: number;
}

/** Reads `NodePerformanceSamples`; absent means none. What is ill-formed is left out and counted. */
export function samplesFromMessage(message: proto.NodePerformanceSamples | undefined): ReadSamples {
  if (message === undefined) return { samples: NO_SAMPLES, dropped: 0 };
  const reader = new GroupReader();
  const times = (list: readonly proto.Samples[]) => {
    return reader.read(list, (group) => group.samples, sampleFromMessage);
  };
  const samples: PerformanceSamples = {
    instantiateTimes: times(message.functionInstantiateTimes),
    initTimes: times(message.functionInitTimes),
    executionTimes: times(message.functionExecutionTimes),
    stopTimes: times(message.functionStopTimes),
    transferTimes: times(message.functionTransferTimes),
    logEntries: reader.read(message.functionLogEntries, (group) => group.entries, entryFromMessage),
  };
  return { samples, dropped: reader.dropped };
}

function sampleFromMessage(message: proto.Sample): Sample {
  return {
    time: timestampField(message.timestampSec, message.timestampNs, "Sample.timestamp"),
    seconds: message.sample,
  };
}

function entryFromMessage(message: proto.FunctionLogEntry): FunctionLogEntry {
  return {
    time: timestampField(message.timestampSec, message.timestampNs, "FunctionLogEntry.timestamp"),
    target: message.target,
    message: message.msg,
  };
}

class GroupReader {
  dropped = 0;

  /** Groups with the same id are joined. */
  read<G extends { readonly id: string }, M, T>(
    list: readonly G[],
    itemsOf: (group: G) => readonly M[],
    itemFrom: (message: M) => T,
  ): ReadonlyMap<Uuid, readonly T[]> {
    const series = new Map<Uuid, T[]>();
    for (const group of list) {
      const id = parseUuid(group.id);
      if (id === undefined) {
        this.dropped++;
        continue;
      }
      const items = series.get(id) ?? [];
      series.set(id, items);
      for (const message of itemsOf(group)) {
        try {
          items.push(itemFrom(message));
        } catch {
          this.dropped++;
        }
      }
    }
    return series;
  }
}
