import { EdgelessError } from "../../core/errors.js";
import { GUEST_EXPORTS, GUEST_IMPORTS, SUSPENDING_IMPORTS } from "../image/guest-abi.js";
import { GuestState } from "../image/prepared-layout.js";

/** What a suspending import returns when the answer is not there yet. */
const SUSPEND = -1;

/** The eight functions of the guest ABI; an i64 comes as a number. */
export type TranslatedImports = {
  readonly [name in keyof typeof GUEST_IMPORTS]: (...args: number[]) => number | undefined;
};

/** Decides how long a translated function may run. */
export interface TurnMeter {
  /** A stretch of guest execution begins. */
  start(): void;
  /** All turns (of loops, and calls of recursive functions) are used up: how many more, at least 1, or throws. */
  exhausted(): number;
}

const EXPORT_NAMES: readonly string[] = Object.keys(GUEST_EXPORTS);
const IMPORT_NAMES = Object.keys(GUEST_IMPORTS) as (keyof typeof GUEST_IMPORTS)[];

/** Messages by the number that the text gives with a trap. */
const TRAPS = [
  "unreachable",
  "memory access out of bounds",
  "divide by zero or overflow",
  "float unrepresentable in integer range",
  "table index is out of bounds or has another type",
  "calls itself too deeply",
];

type Exported = ((...args: number[]) => number | undefined) | 0 | undefined;

/**
 * A running translated function, in the shape that the device runtime gives its guests. What is thrown while it runs
 * (traps are EDGELESS_FUNCTION_TRAPPED) comes out and ends it.
 */
export class TranslatedGuest {
  /** True after `run` or `resume` when the guest waits for the answer to a call. */
  suspended = false;
  readonly #exports: readonly Exported[];
  readonly #memory: () => Uint8Array;
  readonly #setState: (state: number) => void;
  readonly #meter: TurnMeter;
  #phase: "idle" | "running" | "rewinding" | "dead" = "idle";
  #entered: Exported;
  #depth = 0;
  #result: (() => number) | undefined;

  /** Evaluates the text of `translateModule` and runs the top-level code of the function; throws what that throws. */
  constructor(code: string, imports: TranslatedImports, meter: TurnMeter) {
    this.#meter = meter;
    const environment = [
      ...IMPORT_NAMES.map((name) =>
        SUSPENDING_IMPORTS.has(name)
          ? (...args: number[]) => this.#suspendable(imports[name], args)
          : (...args: number[]) => imports[name](...args),
      ),
      () => meter.exhausted(),
      (reason: number) => {
        throw new EdgelessError("EDGELESS_FUNCTION_TRAPPED", TRAPS[reason] ?? TRAPS[0] ?? "");
      },
    ];
    // The text is made by the translator; it uses nothing but what it is given and arithmetic.
    const create = new Function(`"use strict";return ${code}`)() as (environment: unknown) => unknown[];
    const [memory, ...rest] = create(environment);
    this.#memory = memory as () => Uint8Array;
    this.#exports = rest.slice(0, -1) as Exported[];
    const setState = rest[rest.length - 1];
    this.#setState = typeof setState === "function" ? (setState as (state: number) => void) : () => {};
    const start = this.#exports[EXPORT_NAMES.length];
    if (typeof start === "function") {
      meter.start();
      this.#phase = "running";
      this.#call(start, []);
      this.#phase = "idle";
    }
  }

  /** The linear memory as it is now. */
  memory(): Uint8Array {
    return this.#memory();
  }

  /** Calls an export of the guest ABI; 0 when it has no result. May be used from inside an import and from `resume`. */
  run(name: string, ...args: number[]): number {
    const entry = this.#exports[EXPORT_NAMES.indexOf(name)];
    if (this.#phase === "running") {
      return this.#call(entry, args);
    }
    if (this.#phase !== "idle" || this.suspended) {
      throw new EdgelessError("EDGELESS_FUNCTION_TRAPPED", `${name} cannot run now`);
    }
    this.#phase = "running";
    this.#entered = entry;
    this.#meter.start();
    return this.#outcome(this.#call(entry, args));
  }

  /** Goes on with a suspended guest; `result` runs when its stack is back and gives the result code of its call. */
  resume(result: () => number): number {
    if (!this.suspended || this.#phase !== "idle") {
      throw new EdgelessError("EDGELESS_FUNCTION_TRAPPED", "nothing to resume");
    }
    this.suspended = false;
    this.#result = result;
    this.#phase = "rewinding";
    this.#setState(GuestState.rewinding);
    this.#meter.start();
    return this.#outcome(this.#call(this.#entered, []));
  }

  /** Gives back what the guest holds: nothing but memory. */
  close(): void {
    this.#phase = "dead";
  }

  #outcome(value: number): number {
    if (this.suspended) {
      this.#setState(GuestState.normal);
    }
    this.#phase = "idle";
    return this.suspended ? 0 : value;
  }

  #call(entry: Exported, args: readonly number[]): number {
    if (typeof entry !== "function") {
      throw new EdgelessError("EDGELESS_INTERNAL", "a translated function lacks an export");
    }
    this.#depth += 1;
    try {
      return entry(...args) ?? 0;
    } catch (thrown) {
      this.#phase = "dead";
      throw thrown;
    } finally {
      this.#depth -= 1;
    }
  }

  /** A call in which the guest may wait: begins a suspension, or ends one with the result. */
  #suspendable(imported: (...args: number[]) => number | undefined, args: readonly number[]): number {
    const result = this.#result;
    if (this.#phase === "rewinding" && result !== undefined) {
      this.#result = undefined;
      this.#phase = "running";
      this.#setState(GuestState.normal);
      return result();
    }
    const code = imported(...args) ?? 0;
    if (code !== SUSPEND) {
      return code;
    }
    if (this.#depth !== 1 || this.#entered === undefined) {
      throw new EdgelessError(
        "EDGELESS_FUNCTION_TRAPPED",
        "the function called another one where it cannot wait",
      );
    }
    this.suspended = true;
    this.#setState(GuestState.unwinding);
    return 0;
  }
}
