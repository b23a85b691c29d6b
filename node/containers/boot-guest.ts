import type { Clock } from "../../core/clock.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import type { GuestBoot, GuestFunctionApi } from "../../core/guest-api.js";
import type { Random } from "../../core/random.js";
import { type RetryPolicy, RetrySchedule } from "../../core/retry-schedule.js";
import { LATE, withDeadline } from "../../platform/deadline.js";
import type { WakeUp } from "./wake-up.js";

/** What {@link bootGuest} works with. */
export interface BootParts {
  readonly clock: Clock;
  readonly random: Random;
  /** How long it may take altogether, milliseconds. */
  readonly limitMs: number;
  /** Interrupts the waiting between two tries. */
  readonly wake: WakeUp;
  /** True when it is of no use any more. */
  readonly abandoned: () => boolean;
}

const RETRY: RetryPolicy = { initialMs: 20, factor: 2, maximumMs: 500, jitter: 0.2 };
/** Longest time of one try: a function that just starts may take a connection and never answer on it. */
const TRY_MS = 5_000;

/**
 * Boots a function, again and again until it answers: its server may not listen yet.
 * @returns false when it was abandoned
 * @throws EdgelessError EDGELESS_TIMEOUT with the reason of the last failure
 */
export async function bootGuest(
  guest: GuestFunctionApi,
  boot: GuestBoot,
  parts: BootParts,
): Promise<boolean> {
  const { clock, random, limitMs, wake, abandoned } = parts;
  const schedule = new RetrySchedule(RETRY, random);
  const endMs = clock.monotonicMs() + limitMs;
  for (;;) {
    if (abandoned()) return false;
    const restMs = endMs - clock.monotonicMs();
    let reason = "no answer";
    try {
      if ((await withDeadline(clock, Math.min(TRY_MS, restMs), guest.boot(boot))) !== LATE)
        return !abandoned();
    } catch (error) {
      reason = reasonOf(error);
    }
    const delayMs = schedule.nextMs();
    if (abandoned()) return false;
    if (clock.monotonicMs() + delayMs >= endMs)
      throw new EdgelessError(
        "EDGELESS_TIMEOUT",
        `the function does not boot within ${limitMs} ms: ${reason}`,
      );
    await wake.sleep(clock, delayMs, abandoned);
  }
}
