import { EdgelessError } from "../../core/errors.js";

/** Locals that a suspended guest may have on its stack together; about a megabyte. */
const MAX_VALUES = 100_000;

/** The locals of the functions on the stack of a suspended guest, last in first out. */
export class SuspendedFrames {
  readonly #values: (number | bigint)[] = [];

  /** Throws EDGELESS_FUNCTION_TRAPPED when the stack is too deep to be suspended. */
  save(value: number | bigint): void {
    if (this.#values.length >= MAX_VALUES) {
      throw new EdgelessError(
        "EDGELESS_FUNCTION_TRAPPED",
        `the function waited for an answer with more than ${MAX_VALUES} values on its stack`,
      );
    }
    this.#values.push(value);
  }

  /** The value saved last. */
  load(): number | bigint {
    const value = this.#values.pop();
    if (value === undefined) {
      throw new EdgelessError("EDGELESS_INTERNAL", "a resumed function asked for more values than it saved");
    }
    return value;
  }

  get isEmpty(): boolean {
    return this.#values.length === 0;
  }
}
