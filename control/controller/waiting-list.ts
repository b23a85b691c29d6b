import type { Clock } from "../../core/clock.js";
import type { Random } from "../../core/random.js";
import { RetrySchedule } from "../../core/retry-schedule.js";
import type { Uuid } from "../../core/uuid.js";

const PLACE_AGAIN = { initialMs: 1_000, factor: 2, maximumMs: 30_000, jitter: 0.2 };

interface Entry {
  readonly schedule: RetrySchedule;
  notBeforeMs: number;
  reason: string;
}

/** Workflows that no domain took, why, and when to try again. */
export class WaitingList {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #entries = new Map<Uuid, Entry>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** True when a workflow may be tried; one that never failed may. */
  isDue(workflowId: Uuid): boolean {
    return (this.#entries.get(workflowId)?.notBeforeMs ?? 0) <= this.#clock.monotonicMs();
  }

  /** Why a workflow waits. */
  reasonOf(workflowId: Uuid): string {
    return this.#entries.get(workflowId)?.reason ?? "waits for a domain";
  }

  /**
   * Notes a failure and puts the next try off, longer each time.
   * @param atOnce true: something changed meanwhile, so the next try need not wait
   * @returns whether the reason is a new one
   */
  failed(workflowId: Uuid, reason: string, atOnce: boolean): boolean {
    const known = this.#entries.get(workflowId);
    const entry = known ?? {
      schedule: new RetrySchedule(PLACE_AGAIN, this.#random),
      notBeforeMs: 0,
      reason: "",
    };
    const isNew = entry.reason !== reason;
    entry.reason = reason;
    entry.notBeforeMs = this.#clock.monotonicMs() + (atOnce ? 0 : entry.schedule.nextMs());
    this.#entries.set(workflowId, entry);
    return isNew;
  }

  /** Takes a workflow off: it was placed or is gone. */
  remove(workflowId: Uuid): void {
    this.#entries.delete(workflowId);
  }
}
