/** A look that is later than this was held up by other work of the process, milliseconds. */
const STANDSTILL_MS = 250;
/** Most time to read what came meanwhile, milliseconds. */
const MOST_GRACE_MS = 10_000;

/**
 * How long a process that stood still has to wait before it takes anybody for lost: it has not read what they sent meanwhile.
 * @param lateMs how much later than planned it looks, milliseconds
 * @returns 0 when it is in time, milliseconds
 */
export function graceAfterStandstill(lateMs: number): number {
  return lateMs > STANDSTILL_MS ? Math.min(2 * lateMs, MOST_GRACE_MS) : 0;
}
