/** Something that runs until it is closed. */
export interface Closeable {
  close(): Promise<void>;
}

/** Longest that an orderly end may take. */
const CLOSE_MS = 5_000;

/**
 * Waits for SIGINT or SIGTERM, or for `ended`, then closes what runs. A second signal, or a close that takes too long,
 * ends the process at once with status 1.
 */
export async function untilSignal(running: Closeable, ended?: Promise<void>): Promise<void> {
  let count = 0;
  const stopped = new Promise<void>((resolve) => {
    const onSignal = () => {
      if (++count > 1) process.exit(1);
      resolve();
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
  try {
    await Promise.race(ended === undefined ? [stopped] : [stopped, ended]);
  } finally {
    const force = setTimeout(() => process.exit(1), CLOSE_MS);
    await running.close();
    clearTimeout(force);
  }
}
