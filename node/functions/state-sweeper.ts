import { unlinkSync } from "node:fs";
import { readdir, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Timer } from "../../core/clock.js";
import { reasonOf } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { parseUuid, type Uuid } from "../../core/uuid.js";

/** What a {@link StateSweeper} works with. */
export interface StateSweeperParts {
  readonly folder: string;
  /** The states of all instances on the node. */
  readonly inUse: () => Iterable<Uuid>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const SWEEP_MS = 3_600_000;
/** How long a state is kept that no instance uses any more. */
const KEPT_MS = 24 * SWEEP_MS;
/** What a write leaves behind when the process is killed in it. */
const UNFINISHED = /\.new$/;

/**
 * Deletes the states that no instance has used for a day. They cannot go with the stop of their instance: an instance that
 * is moved is stopped here and started again with the same state, here or on a node that shares the folder. Files of
 * running instances are touched once an hour, which tells the other nodes of the folder that they are used. What was there
 * when the node started counts as used then, so that a node that was off for long finds the states of its instances.
 */
export class StateSweeper {
  readonly #parts: StateSweeperParts;
  readonly #startedMs: number;
  #timer: Timer | undefined;
  #closed = false;

  constructor(parts: StateSweeperParts) {
    this.#parts = parts;
    this.#startedMs = parts.clock.wallMs();
    this.#schedule();
  }

  /** Deletes and touches once; never throws. */
  async sweep(): Promise<void> {
    const { folder, inUse, logger } = this.#parts;
    try {
      const used = new Set(inUse());
      for (const name of await readdir(folder)) {
        const stem = name.replace(UNFINISHED, "");
        const stateId = parseUuid(stem);
        if (stateId === undefined || stateId !== stem) continue;
        if (used.has(stateId)) await this.#touch(join(folder, name));
        else await this.#deleteUnused(join(folder, name), stateId);
      }
    } catch (error) {
      if (!isMissing(error))
        logger.warn("states that nobody uses cannot be deleted", { folder, reason: reasonOf(error) });
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #touch(path: string): Promise<void> {
    const now = this.#parts.clock.wallMs() / 1000;
    await unlessMissing(() => utimes(path, now, now));
  }

  async #deleteUnused(path: string, stateId: Uuid): Promise<void> {
    const { inUse, clock, logger } = this.#parts;
    const found = await unlessMissing(() => stat(path));
    if (found === undefined || !found.isFile()) return;
    const unusedMs = clock.wallMs() - Math.max(found.mtimeMs, this.#startedMs);
    // Looked at again in the turn in which it is deleted: an instance that starts now finds its state or none.
    if (unusedMs <= KEPT_MS || this.#closed || new Set(inUse()).has(stateId)) return;
    await unlessMissing(() => unlinkSync(path));
    logger.debug("deleted the state of a function that is gone", { stateId });
  }

  #schedule(): void {
    this.#timer = this.#parts.clock.setTimer(SWEEP_MS, async () => {
      await this.sweep();
      if (!this.#closed) this.#schedule();
    });
  }
}

/** Undefined when the file is gone: another node that shares the folder was faster. */
async function unlessMissing<T>(work: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
