import { type StatsListener, unwatchFile, watchFile } from "node:fs";

/** How often the files are looked at, milliseconds. */
const INTERVAL_MS = 100;

/** Files under watch. */
export interface FileWatch {
  /** Watches these files from now on instead; a file need not exist. Without effect after `close`. */
  files(paths: Iterable<string>): void;
  close(): void;
}

/**
 * Tells when a file is written, replaced, made or removed. It compares times: that holds on every file system, and
 * for editors that write a new file in the place of the old one.
 * @param changed gets the path as it was given
 */
export function watchFiles(changed: (path: string) => void): FileWatch {
  const listeners = new Map<string, StatsListener>();
  let isClosed = false;
  const forget = (path: string, listener: StatsListener) => {
    unwatchFile(path, listener);
    listeners.delete(path);
  };
  return {
    files(paths) {
      if (isClosed) return;
      const wanted = new Set(paths);
      for (const [path, listener] of listeners) if (!wanted.has(path)) forget(path, listener);
      for (const path of wanted) {
        if (listeners.has(path)) continue;
        const listener: StatsListener = (now, before) => {
          if (now.mtimeMs !== before.mtimeMs || now.size !== before.size) changed(path);
        };
        listeners.set(path, listener);
        watchFile(path, { interval: INTERVAL_MS }, listener);
      }
    },
    close() {
      isClosed = true;
      for (const [path, listener] of listeners) forget(path, listener);
    },
  };
}
