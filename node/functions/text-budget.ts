/** A bound on the text that waits in queues whose items may be of any size. */
export class TextBudget {
  readonly #maximum: number;
  #used = 0;

  /** @param maximum characters */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** Takes room for a text; false when there is none. A single text always fits, whatever its length. */
  take(characters: number): boolean {
    if (this.#used > 0 && this.#used + characters > this.#maximum) return false;
    this.#used += characters;
    return true;
  }

  /** Gives back what was taken for a text. */
  give(characters: number): void {
    this.#used -= characters;
  }
}
