import { BoundedQueue } from "../../core/bounded-queue.js";
import type { Clock, Timer } from "../../core/clock.js";
import type { Event } from "../../core/event.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { BridgeSettings } from "./bridge-settings.js";
import type { Role, Side } from "./half-request.js";

/** One end of a bridge: a resource instance in one of the two domains. */
export interface Half {
  readonly id: InstanceId;
  readonly side: Side;
  readonly bridge: Bridge;
  /** Where the events that come over the bridge go; only used on the side where they come out. */
  output: InstanceId | undefined;
}

/** What a {@link Bridge} works with. */
export interface BridgeParts {
  readonly clock: Clock;
  readonly settings: BridgeSettings;
  /** Sends an event that came in on through the half where it comes out. */
  readonly forward: (event: Event, exit: Half, target: InstanceId) => void;
  /** Events that will not be sent on. */
  readonly lose: (events: readonly Event[], bridge: Bridge) => void;
}

/**
 * The way of events from one domain to the other. Either end may be started, wired and stopped at any time, in any order
 * and again: while the far end is not there or not wired, events wait a while.
 */
export class Bridge {
  readonly key: string;
  readonly role: Role;
  readonly #parts: BridgeParts;
  readonly #halves: Half[] = [];
  readonly #waiting: BoundedQueue<{ readonly event: Event; readonly sinceMs: number }>;
  #timer: Timer | undefined;

  constructor(key: string, role: Role, parts: BridgeParts) {
    this.key = key;
    this.role = role;
    this.#parts = parts;
    this.#waiting = new BoundedQueue(parts.settings.queueEvents);
  }

  /** True when it has no end at all. */
  get isEmpty(): boolean {
    return this.#halves.length === 0;
  }

  /** Events that wait for the far end. */
  get waiting(): number {
    return this.#waiting.length;
  }

  get entrySide(): Side {
    return this.role === "sink" ? "local" : "portal";
  }

  /** The newest half on a side: when an ε-ORC starts one again before it stops the former, the new one counts. */
  halfOn(side: Side): Half | undefined {
    return this.#halves.findLast((half) => half.side === side);
  }

  add(id: InstanceId, side: Side): Half {
    const half: Half = { id, side, bridge: this, output: undefined };
    this.#halves.push(half);
    return half;
  }

  remove(half: Half): void {
    this.#halves.splice(this.#halves.indexOf(half), 1);
    if (this.isEmpty) this.#loseWaiting(Number.POSITIVE_INFINITY);
    else this.#release();
  }

  /** Sets where events go that come out at this half; undefined: nowhere for now. */
  wire(half: Half, output: InstanceId | undefined): void {
    half.output = output;
    this.#release();
  }

  /** Takes a cast or a call that came in on the entry side. */
  take(event: Event): void {
    const exit = this.#exit();
    if (exit?.output !== undefined && this.#waiting.length === 0) {
      this.#parts.forward(event, exit, exit.output);
      return;
    }
    const sinceMs = this.#parts.clock.monotonicMs();
    if (!this.#waiting.push({ event, sinceMs })) this.#parts.lose([event], this);
    else this.#timer ??= this.#parts.clock.setTimer(this.#parts.settings.queueAgeMs, () => this.#expire());
  }

  #exit(): Half | undefined {
    return this.halfOn(this.entrySide === "local" ? "portal" : "local");
  }

  #release(): void {
    const exit = this.#exit();
    if (exit?.output === undefined) return;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
      this.#parts.forward(next.event, exit, exit.output);
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #expire(): void {
    this.#timer = undefined;
    const { clock, settings } = this.#parts;
    const nowMs = clock.monotonicMs();
    const oldestMs = this.#loseWaiting(nowMs - settings.queueAgeMs);
    if (oldestMs === undefined) return;
    this.#timer = clock.setTimer(oldestMs + settings.queueAgeMs - nowMs, () => this.#expire());
  }

  /** Gives up the events that came up to a moment; returns when the oldest of the others came. */
  #loseWaiting(untilMs: number): number | undefined {
    const kept: { readonly event: Event; readonly sinceMs: number }[] = [];
    const lost: Event[] = [];
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (next.sinceMs <= untilMs) lost.push(next.event);
      else kept.push(next);
    }
    for (const entry of kept) this.#waiting.push(entry);
    if (kept.length === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
    }
    if (lost.length > 0) this.#parts.lose(lost, this);
    return kept[0]?.sinceMs;
  }
}
