import type { Uuid } from "../core/uuid.js";

interface Need {
  readonly bytes: number;
  /** True when the last report of the device came while the function ran. */
  isCounted: boolean;
}

/** What a device has free for functions: its last report, and what was started and stopped since. */
export class MemoryLedger {
  readonly #needs = new Map<Uuid, Need>();
  /** Bytes of functions that were stopped since the last report, or ran still when it was made; by their number on the device. */
  readonly #returning = new Map<number, number>();
  #reportedBytes = 0;

  /**
   * Bytes that another function may need.
   * @param isAwaited whether a function takes its memory as far as is known; not one that the device refused to start
   */
  availableBytes(isAwaited: (functionId: Uuid) => boolean): number {
    let bytes = this.#reportedBytes;
    for (const returned of this.#returning.values()) bytes += returned;
    for (const [functionId, need] of this.#needs)
      if (!need.isCounted && isAwaited(functionId)) bytes -= need.bytes;
    return bytes;
  }

  /**
   * @param isRunning whether a function runs on the device
   * @param isLeftover whether an instance that was stopped is on the device still
   */
  reported(
    freeBytes: number,
    isRunning: (functionId: Uuid) => boolean,
    isLeftover: (handle: number) => boolean,
  ): void {
    this.#reportedBytes = freeBytes;
    for (const handle of this.#returning.keys()) if (!isLeftover(handle)) this.#returning.delete(handle);
    for (const [functionId, need] of this.#needs) need.isCounted = isRunning(functionId);
  }

  add(functionId: Uuid, bytes: number): void {
    this.#needs.set(functionId, { bytes, isCounted: false });
  }

  /** @param handle its number on the device, when it runs there */
  remove(functionId: Uuid, handle: number | undefined): void {
    const need = this.#needs.get(functionId);
    if (need?.isCounted === true && handle !== undefined) this.#returning.set(handle, need.bytes);
    this.#needs.delete(functionId);
  }
}
