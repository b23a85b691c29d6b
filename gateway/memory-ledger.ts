import type { Uuid } from "../core/uuid.js";

interface Need {
  readonly bytes: number;
  /** True when the last report of the device came while the function ran. */
  isCounted: boolean;
}

/** What a device has free for functions: its last report, and what was started and stopped since. */
export class MemoryLedger {
  readonly #needs = new Map<Uuid, Need>();
  #reportedBytes = 0;
  /** Of functions that were stopped since. */
  #returnedBytes = 0;

  /**
   * Bytes that another function may need.
   * @param isAwaited whether a function takes its memory as far as is known; not one that the device refused to start
   */
  availableBytes(isAwaited: (functionId: Uuid) => boolean): number {
    let bytes = this.#reportedBytes + this.#returnedBytes;
    for (const [functionId, need] of this.#needs)
      if (!need.isCounted && isAwaited(functionId)) bytes -= need.bytes;
    return bytes;
  }

  /** @param isRunning whether a function runs on the device */
  reported(freeBytes: number, isRunning: (functionId: Uuid) => boolean): void {
    this.#reportedBytes = freeBytes;
    this.#returnedBytes = 0;
    for (const [functionId, need] of this.#needs) need.isCounted = isRunning(functionId);
  }

  add(functionId: Uuid, bytes: number): void {
    this.#needs.set(functionId, { bytes, isCounted: false });
  }

  remove(functionId: Uuid): void {
    const need = this.#needs.get(functionId);
    if (need?.isCounted === true) this.#returnedBytes += need.bytes;
    this.#needs.delete(functionId);
  }
}
