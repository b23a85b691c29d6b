import { timestampFromMs } from "../core/event.js";
import { type FunctionLogEntry, NO_SAMPLES, type PerformanceSamples } from "../core/samples.js";
import type { Uuid } from "../core/uuid.js";
import type { LogEntry } from "./log-book.js";

/** Most log lines of a device between two reports to the ε-ORC. */
const MOST_ENTRIES = 200;

/** Log lines of a device on their way to the ε-ORC. */
export class LogSamples {
  #entries = new Map<Uuid, FunctionLogEntry[]>();
  #count = 0;

  add({ functionId, timeMs, target, message }: LogEntry): void {
    if (this.#count >= MOST_ENTRIES) return;
    this.#count++;
    const entry = { time: timestampFromMs(timeMs), target, message };
    const known = this.#entries.get(functionId);
    if (known === undefined) this.#entries.set(functionId, [entry]);
    else known.push(entry);
  }

  /** Takes everything out. */
  drain(): PerformanceSamples {
    if (this.#count === 0) return NO_SAMPLES;
    const logEntries = this.#entries;
    this.#entries = new Map();
    this.#count = 0;
    return { ...NO_SAMPLES, logEntries };
  }
}
