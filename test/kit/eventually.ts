import { setTimeout as delay } from "node:timers/promises";

/**
 * Polls until `probe` gives something, for tests with real processes and sockets.
 * @throws Error naming `what`, with the last thing that `probe` threw, when nothing came in time
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 20_000,
): Promise<T> {
  const endMs = performance.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > endMs) throw new Error(`${what}: not within ${withinMs} ms`, { cause: last });
    await delay(25);
  }
}
