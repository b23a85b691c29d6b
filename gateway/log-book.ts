import type { LogLevel } from "../core/log.js";
import type { Uuid } from "../core/uuid.js";

/** A log line of an instance on a device. */
export interface LogEntry {
  /** Milliseconds since the Unix epoch at the gateway. */
  readonly timeMs: number;
  readonly functionId: Uuid;
  /** Class of the instance. */
  readonly name: string;
  readonly level: LogLevel;
  readonly target: string;
  readonly message: string;
}

/** The newest log lines of a device, for those who follow and those who come later. */
export class LogBook {
  readonly #capacity: number;
  readonly #followers = new Set<(entry: LogEntry) => void>();
  #entries: LogEntry[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(entry: LogEntry): void {
    this.#entries.push(entry);
    if (this.#entries.length > this.#capacity * 2) this.#entries = this.#entries.slice(-this.#capacity);
    for (const follower of this.#followers) follower(entry);
  }

  /** The newest lines, at most as many as are kept. */
  newest(): readonly LogEntry[] {
    return this.#entries.slice(-this.#capacity);
  }

  /** Hands further lines to `follower` until the returned function is called. */
  follow(follower: (entry: LogEntry) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }
}
