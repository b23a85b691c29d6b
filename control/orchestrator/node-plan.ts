import type { InstanceId } from "../../core/instance-id.js";
import type { Random } from "../../core/random.js";
import { type RetryPolicy, RetrySchedule } from "../../core/retry-schedule.js";
import type { Uuid } from "../../core/uuid.js";
import type { IssuedCommand, StopKind } from "./commands.js";
import { Delays } from "./delays.js";

/** Waiting times after a node did not answer. */
const NODE_RETRY: RetryPolicy = { initialMs: 250, factor: 2, maximumMs: 5_000, jitter: 0.2 };

/** An instance that must end. */
export interface PlannedStop {
  readonly instance: InstanceId;
  readonly kind: StopKind;
  /** Function class for which the instance still counts; empty for resources. */
  readonly classKey: string;
}

/** A piece of work of a plan; its name is also the key of its delay. */
type Item = `${"reset" | "stop" | "patch"}:${string}`;

/**
 * What remains to be told to one node. It holds the wanted end, not a history: at most one entry per instance
 * and component, so it stays bounded while the node does not answer, and each entry is repeated until it holds.
 */
export class NodePlan {
  readonly session: number;
  /** The node may hold instances that nobody knows: nothing else before it is emptied. */
  resetDue: boolean;
  readonly stops = new Map<Uuid, PlannedStop>();
  /** Logical ids, in the order they were placed here. */
  readonly starts = new Set<Uuid>();
  /** Logical ids of components whose wiring on the node differs from the wanted one. */
  readonly patches = new Set<Uuid>();
  /** Function classes of starts that were not answered in time: their instances may exist. */
  readonly uncertain = new Map<number, string>();
  /** Function classes of instances that may live until the node is emptied. */
  untilReset: string[] = [];
  current: IssuedCommand | undefined;
  /** No command before this moment. */
  retryAtMs = 0;
  readonly #retry: RetrySchedule;
  readonly #delays: Delays<Item>;

  constructor(session: number, resetDue: boolean, random: Random) {
    this.session = session;
    this.resetDue = resetDue;
    this.#delays = new Delays(random);
    this.#retry = new RetrySchedule(NODE_RETRY, random);
  }

  /** Notes that the node did not answer. */
  backOff(nowMs: number): void {
    this.retryAtMs = nowMs + this.#retry.nextMs();
  }

  /** Notes that the node answers. */
  answered(): void {
    this.retryAtMs = 0;
    this.#retry.reset();
  }

  /** Notes that the node refused one piece of work: others go on, this one waits. */
  delay(item: Item, nowMs: number): void {
    this.#delays.delay(item, nowMs);
  }

  /** Forgets earlier refusals of a piece of work. */
  undelay(item: Item): void {
    this.#delays.undelay(item);
  }

  isDue(item: Item, nowMs: number): boolean {
    return this.#delays.isDue(item, nowMs);
  }

  /** When a command may become possible only because time passes; Infinity when that does not matter. */
  nextDueMs(nowMs: number): number {
    const retryMs = this.retryAtMs > nowMs ? this.retryAtMs : Number.POSITIVE_INFINITY;
    return Math.min(retryMs, this.#delays.nextDueMs(nowMs));
  }
}
