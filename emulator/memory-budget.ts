/** The working memory of an emulated board: what functions hold is taken from it. */
export class MemoryBudget {
  readonly #totalBytes: number;
  #usedBytes = 0;

  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes;
  }

  get freeBytes(): number {
    return this.#totalBytes - this.#usedBytes;
  }

  /** Takes (or with a negative number gives back) bytes; false, and nothing taken, when they are not there. */
  take(bytes: number): boolean {
    if (bytes > this.freeBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }
}
