import { type FunctionType, ValueType } from "../wasm/value-type.js";

const { i32, i64 } = ValueType;

/** Import module of the functions that preparation adds. */
export const HOOK_MODULE = "edgeless";

/**
 * The functions that preparation adds to the imports: `fuel` gets the (negative) fuel left and gives the new value;
 * the others hand a suspended function's locals to the host and back, last in first out.
 */
export const HOOKS = {
  fuel: { params: [i32], results: [i32] },
  save_i32: { params: [i32], results: [] },
  save_i64: { params: [i64], results: [] },
  load_i32: { params: [], results: [i32] },
  load_i64: { params: [], results: [i64] },
} as const satisfies Record<string, FunctionType>;

export type Hook = keyof typeof HOOKS;

/** The exports that preparation adds beside those of the guest ABI. */
export const PREPARED_EXPORTS = {
  /** Global: the fuel left. */
  fuel: "edgeless_fuel",
  /** Global: one of {@link GuestState}; only in a module that can be suspended. */
  state: "edgeless_state",
  /** Function: what was the start function of the source. */
  start: "edgeless_start",
} as const;

/** What the state global of a suspendable module says. */
export const GuestState = {
  normal: 0,
  /** Every function on the stack saves itself and returns. */
  unwinding: 1,
  /** Every function that was on the stack is called again and continues where it was. */
  rewinding: 2,
} as const;

/** Where everything that preparation adds is found in the prepared module. */
export class PreparedLayout {
  readonly #importedFunctions: number;
  readonly #hooks: readonly Hook[];
  /** Index of the function that charges the fuel given as argument. */
  readonly chargeFunction: number;
  readonly fuelGlobal: number;
  readonly stateGlobal: number;
  /** Whether the prepared code counts fuel; translated code counts its own. */
  readonly countsFuel: boolean;

  constructor(
    source: { importedFunctions: number; functions: number; globals: number },
    hooks: readonly Hook[],
    countsFuel = true,
  ) {
    this.countsFuel = countsFuel;
    this.#importedFunctions = source.importedFunctions;
    this.#hooks = hooks;
    this.chargeFunction = source.functions + hooks.length;
    this.fuelGlobal = source.globals;
    this.stateGlobal = source.globals + 1;
  }

  /** Index in the prepared module of a function of the source: the added imports come before the functions with code. */
  functionIndex(source: number): number {
    return source < this.#importedFunctions ? source : source + this.#hooks.length;
  }

  /** Index of an added import; only those the layout was made with. */
  hook(hook: Hook): number {
    return this.#importedFunctions + this.#hooks.indexOf(hook);
  }
}
