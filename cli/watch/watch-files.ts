import { statSync } from "node:fs";
import type { Clock, Timer } from "../../core/clock.js";

/** How often the files are looked at, milliseconds. */
const INTERVAL_MS = 100;

/** File systems round the times of files, milliseconds. */
const ROUNDING_MS = 10;

/** Files under watch. */
export interface FileWatch {
  /**
   * Watches these files from now on instead; a file need not exist. Without effect after `close`.
   * @param sinceMs wall time; a file that was not watched and was written later has changed already. Default: now
   */
  files(paths: Iterable<string>, sinceMs?: number): void;
  close(): void;
}

/** What shows that a file is another. */
interface Stamp {
  readonly writtenMs: number;
  readonly size: number;
}

const ABSENT: Stamp = { writtenMs: 0, size: -1 };

/**
 * Tells when a file is written, replaced, made or removed. It compares times and sizes: that holds on every file system, and
 * for editors that write a new file in the place of the old one.
 * @param changed gets the path as it was given
 */
export function watchFiles(changed: (path: string) => void, clock: Clock): FileWatch {
  let stamps = new Map<string, Stamp>();
  let timer: Timer | undefined;
  let isClosed = false;
  const look = () => {
    arm();
    for (const [path, before] of stamps) {
      const now = stampOf(path);
      if (now.writtenMs === before.writtenMs && now.size === before.size) continue;
      stamps.set(path, now);
      changed(path);
    }
  };
  const arm = () => {
    timer = clock.setTimer(INTERVAL_MS, look);
  };
  return {
    files(paths, sinceMs = Number.POSITIVE_INFINITY) {
      if (isClosed) return;
      const watched = stamps;
      stamps = new Map([...paths].map((path) => [path, watched.get(path) ?? stampOf(path)]));
      if (timer === undefined) arm();
      for (const [path, { writtenMs }] of [...stamps]) {
        if (!watched.has(path) && writtenMs > sinceMs - ROUNDING_MS) changed(path);
      }
    },
    close() {
      isClosed = true;
      timer?.cancel();
    },
  };
}

function stampOf(path: string): Stamp {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? ABSENT : { writtenMs: found.mtimeMs, size: found.size };
}
