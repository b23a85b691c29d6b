import type { Clock } from "../core/clock.js";
import type { InstanceId } from "../core/instance-id.js";
import { sameInstance } from "../core/instance-id.js";
import type { Uuid } from "../core/uuid.js";
import type { OutputRecord } from "./instance-record.js";

/** Where the events of a route come from and go to. */
export interface Route {
  readonly source: Uuid;
  readonly channel: string;
  readonly target: InstanceId;
}

interface Entry extends Route {
  /** Not in use any more; forgotten then, monotonic milliseconds. */
  endsMs: number;
}

/** How long events that a device sent before it learned of its new wiring are still delivered as they were meant. */
const GRACE_MS = 60_000;

/** The numbers under which a device sends events on the channels of its instances. */
export class RouteTable {
  readonly #clock: Clock;
  readonly #entries = new Map<number, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The route with a number; undefined when there is none. */
  find(number: number): Route | undefined {
    const entry = this.#entries.get(number);
    return entry === undefined || entry.endsMs <= this.#clock.monotonicMs() ? undefined : entry;
  }

  /** Takes back the outputs of an instance after a restart. */
  restore(source: Uuid, outputs: readonly OutputRecord[]): void {
    for (const { channel, target, route } of outputs)
      this.#entries.set(route, { source, channel, target, endsMs: Number.POSITIVE_INFINITY });
  }

  /** Replaces the outputs of an instance; a channel that leads where it led keeps its number. */
  wire(source: Uuid, outputs: ReadonlyMap<string, InstanceId>): OutputRecord[] {
    const former = [...this.#entries].filter(
      ([, entry]) => entry.source === source && entry.endsMs === Number.POSITIVE_INFINITY,
    );
    const records: OutputRecord[] = [];
    for (const [channel, target] of outputs) {
      const kept = former.find(
        ([, entry]) => entry.channel === channel && sameInstance(entry.target, target),
      );
      const route = kept?.[0] ?? this.#free();
      this.#entries.set(route, { source, channel, target, endsMs: Number.POSITIVE_INFINITY });
      records.push({ channel, target, route });
    }
    const used = new Set(records.map(({ route }) => route));
    for (const [number, entry] of former) if (!used.has(number)) this.#end(entry);
    return records;
  }

  /** Ends the routes of an instance. */
  remove(source: Uuid): void {
    for (const entry of this.#entries.values()) if (entry.source === source) this.#end(entry);
  }

  /** Ends all routes at once. */
  clear(): void {
    this.#entries.clear();
  }

  #end(entry: Entry): void {
    entry.endsMs = Math.min(entry.endsMs, this.#clock.monotonicMs() + GRACE_MS);
  }

  /** The smallest number that nothing uses or used lately: small numbers make small events. */
  #free(): number {
    const nowMs = this.#clock.monotonicMs();
    for (let number = 0; ; number++) {
      const entry = this.#entries.get(number);
      if (entry === undefined || entry.endsMs <= nowMs) return number;
    }
  }
}
