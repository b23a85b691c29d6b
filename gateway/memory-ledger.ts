import type { Uuid } from "../core/uuid.js";

interface Need {
  readonly bytes: number;
  /** True when the function ran when the device reported last: its memory was not free then. */
  isCounted: boolean;
}

/** What a device has free for functions: its last report, and what was started and stopped since. */
export class MemoryLedger {
  /** Of functions that should run. */
  readonly #needs = new Map<Uuid, Need>();
  /** Of functions that were stopped, or are about to be; by their number on the device. */
  readonly #leaving = new Map<number, Need>();
  #reportedBytes = 0;

  /**
   * Bytes that another function may need.
   * @param isAwaited whether a function takes its memory as far as is known; not one that the device refused to start
   */
  availableBytes(isAwaited: (functionId: Uuid) => boolean): number {
    let bytes = this.#reportedBytes;
    for (const need of this.#leaving.values()) if (need.isCounted) bytes += need.bytes;
    for (const [functionId, need] of this.#needs)
      if (!need.isCounted && isAwaited(functionId)) bytes -= need.bytes;
    return bytes;
  }

  /**
   * @param isRunning whether a function runs on the device
   * @param isLeftover whether an instance that is to be stopped is on the device still
   */
  reported(
    freeBytes: number,
    isRunning: (functionId: Uuid) => boolean,
    isLeftover: (handle: number) => boolean,
  ): void {
    this.#reportedBytes = freeBytes;
    for (const [handle, need] of this.#leaving) {
      need.isCounted = isLeftover(handle);
      if (!need.isCounted) this.#leaving.delete(handle);
    }
    for (const [functionId, need] of this.#needs) need.isCounted = isRunning(functionId);
  }

  add(functionId: Uuid, bytes: number): void {
    this.#needs.set(functionId, { bytes, isCounted: false });
  }

  /** @param handle its number on the device, when it runs there */
  remove(functionId: Uuid, handle: number | undefined): void {
    const need = this.#needs.get(functionId);
    if (need !== undefined && handle !== undefined) this.#leaving.set(handle, need);
    this.#needs.delete(functionId);
  }
}
