import type { FunctionType } from "../wasm/value-type.js";
import type { Operand } from "./operand.js";
import type { Statement } from "./statement.js";
import type { Value } from "./value.js";

/** A block, loop or if whose end has not come yet. */
export interface Construct {
  readonly opcode: number;
  readonly id: number;
  readonly type: FunctionType;
  /** Height of the operand stack below its parameters. */
  readonly base: number;
  /** The list of statements around it. */
  readonly outside: Statement[];
  /** Slots in which values are handed to its label, and to what follows it. */
  readonly labelSlots: readonly (readonly number[])[];
  readonly resultSlots: readonly (readonly number[])[];
  readonly condition: Value | undefined;
  readonly params: readonly Operand[];
  /** Slots that are assigned in it. */
  readonly assigned: ReadonlySet<number>;
  readonly nonNegative: ReadonlySet<number>;
  isBranchedTo: boolean;
  /** What holds an i32 that is not negative on all ways to its end that were seen. */
  atEnd?: ReadonlySet<number>;
  /** The arm before `else`. */
  firstArm?: { readonly list: Statement[]; readonly results: readonly Operand[] | undefined };
}
