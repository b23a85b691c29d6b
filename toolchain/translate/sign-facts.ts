import { EdgelessError } from "../../core/errors.js";
import type { Value } from "./value.js";

/** What a sign can be known of, across functions: a parameter, the result, a global. */
export type SignKey = `${number} ${number}` | `${number} result` | `global ${number}`;

/** Whether a value is an i32 that is not negative. */
export function isNonNegative({ low, high }: Value): boolean {
  return low >= 0 && high < 2 ** 31;
}

/**
 * Which parameters, results and globals never hold a negative i32, which makes their use as addresses and in comparisons
 * shorter. It begins with all of them, and each pass over the module drops those that are given another value somewhere; what
 * is left after a pass that drops none is true, because every value was then seen to follow from the others.
 */
export class SignFacts {
  readonly #dropped = new Set<string>();
  #isGivenUp = false;
  /** Whether anything was dropped since this was last set to false. */
  changed = false;

  has(key: SignKey): boolean {
    return !this.#isGivenUp && !this.#dropped.has(key);
  }

  /** Notes a value that a parameter, result or global is given; undefined: any. */
  note(key: SignKey, value: Value | undefined): void {
    if ((value === undefined || !isNonNegative(value)) && this.has(key)) {
      this.#dropped.add(key);
      this.changed = true;
    }
  }

  /** Nothing is known any more. */
  giveUp(): void {
    this.#isGivenUp = true;
    this.changed = false;
  }
}

/** Repeats a pass until it drops nothing; after so many of them, once more with nothing known. */
export function settled<Result>(passes: number, pass: (facts: SignFacts) => Result): Result {
  const facts = new SignFacts();
  for (let left = passes; left >= 0; left -= 1) {
    if (left === 0) {
      facts.giveUp();
    }
    const result = pass(facts);
    if (!facts.changed) {
      return result;
    }
    facts.changed = false;
  }
  throw new EdgelessError("EDGELESS_INTERNAL", "a pass dropped a sign that was given up");
}
