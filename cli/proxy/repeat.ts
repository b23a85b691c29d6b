import { setTimeout as delay } from "node:timers/promises";

const PERIOD_MS = 1_000;

/**
 * Shows something each second until the user ends the program.
 * @param isOnce once only
 */
export async function repeat(isOnce: boolean, show: () => Promise<void>): Promise<void> {
  for (;;) {
    await show();
    if (isOnce) return;
    await delay(PERIOD_MS);
  }
}

/** What clears a terminal; nothing where the output is no terminal. */
export function clearScreen(): string {
  return process.stdout.isTTY ? "\u001b[2J\u001b[H" : "";
}
