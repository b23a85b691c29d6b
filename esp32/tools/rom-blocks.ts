/** What a ROM answers to a block: that it has it, the number of a fault, or nothing in time. */
export type BlockAnswer = "taken" | "late" | number;

/** How often a block is sent at most. */
const TRIES = 8;
/** Faults (Espressif, "Serial Protocol"): a number that the ROM did not expect, a wrong sum. */
const UNEXPECTED = 5;
const DAMAGED = 7;
/** What faults mean, for a person. */
const MEANINGS: Readonly<Record<number, string>> = {
  [UNEXPECTED]: "it expected another one",
  6: "it failed",
  8: "its flash does not hold what was written",
  9: "its flash cannot be read",
};

/**
 * The blocks of an image on their way to the ROM of a chip. A ROM counts a damaged block without writing it: the same has to come again
 * under the next number. A number that it has counted already it refuses, be it that its answer was lost.
 */
export class RomBlocks {
  readonly #sendOnce: (data: Uint8Array, number: number) => Promise<BlockAnswer>;
  readonly #callAgain: () => Promise<void>;
  /** Numbers that the ROM has counted for damaged blocks. */
  #usedUp = 0;

  /** @param callAgain brings a ROM that did not answer back to where it takes blocks */
  constructor(
    sendOnce: (data: Uint8Array, number: number) => Promise<BlockAnswer>,
    callAgain: () => Promise<void>,
  ) {
    this.#sendOnce = sendOnce;
    this.#callAgain = callAgain;
  }

  /** To be called when the ROM was told of an image. */
  begin(): void {
    this.#usedUp = 0;
  }

  /**
   * Sends a block until the ROM has it.
   * @param sequence its place in the image, from 0
   * @throws Error when the ROM refuses it, or it does not arrive
   */
  async send(data: Uint8Array, sequence: number): Promise<void> {
    let isDamaged = false;
    for (let tries = 1; tries <= TRIES; tries++) {
      const answer = await this.#sendOnce(data, sequence + this.#usedUp);
      if (answer === "taken") return;
      if (answer === "late") await this.#callAgain();
      else if (answer === DAMAGED) isDamaged = true;
      else if (answer === UNEXPECTED && isDamaged) {
        this.#usedUp++;
        isDamaged = false;
      } else if (answer === UNEXPECTED && tries > 1) return;
      else throw new Error(`the chip refused block ${sequence}: ${MEANINGS[answer] ?? `fault ${answer}`}`);
    }
    throw new Error(`block ${sequence} did not arrive whole in ${TRIES} tries`);
  }
}
