import { EdgelessError, reasonOf } from "../../core/errors.js";
import type { Outcome } from "../../toolchain/engine/prepared-instance.js";
import type { GuestExport } from "../../toolchain/image/guest-abi.js";

export type { GuestExport, Outcome };

/** A running module, as the host sees it; whatever it throws ends the instance. */
export interface Guest {
  readonly memory: { readonly buffer: ArrayBufferLike };
  run(name: GuestExport, ...args: readonly number[]): Outcome;
  /** Goes on after a suspension; `result` runs when the guest's stack is back and gives the import's result. */
  resume(result: () => number): Outcome;
}

/** A fault of the guest that the host found; thrown inside an import it traps the guest. */
export function trap(reason: string): EdgelessError {
  return new EdgelessError("EDGELESS_FUNCTION_TRAPPED", reason);
}

/** Gives whatever ended a guest a code and a sentence. */
export function faultOf(thrown: unknown): EdgelessError {
  if (thrown instanceof EdgelessError) return thrown;
  return new EdgelessError("EDGELESS_FUNCTION_TRAPPED", `the function trapped: ${reasonOf(thrown)}`, thrown);
}
