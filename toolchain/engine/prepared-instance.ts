import { EdgelessError } from "../../core/errors.js";
import { GUEST_IMPORT_MODULE, GUEST_MEMORY, type GuestExport, type GuestImport } from "../image/guest-abi.js";
import { GuestState, HOOK_MODULE, type Hook, PREPARED_EXPORTS } from "../image/prepared-layout.js";
import type { FuelMeter } from "./fuel-meter.js";
import { type GuestImports, SUSPEND } from "./guest-imports.js";
import { SuspendedFrames } from "./suspended-frames.js";

/** How a call into the guest ended: with the function's value (undefined when it has none), or waiting for an answer. */
export type Outcome =
  | { readonly suspended: false; readonly value: number | undefined }
  | { readonly suspended: true };

const SUSPENDED: Outcome = { suspended: true };

/** Bounds of a refill, so that the fuel global never wraps. */
const MAX_REFILL = 0x3fffffff;

/** What the instance is doing; `dead` after anything was thrown while the guest was running. */
type Phase = "idle" | "running" | "unwinding" | "suspended" | "rewinding" | "dead";

/**
 * One running function: a prepared module with its memory. Calls into the guest may end suspended in `call_asm` or
 * `call_raw_asm`; the whole guest stack is then kept here until `resume`, and nothing else may run in it meanwhile.
 * Whatever is thrown while the guest runs (a trap, by an import, by the fuel meter) comes out and ends the instance.
 */
export class PreparedInstance {
  readonly memory: WebAssembly.Memory;
  readonly #exports: WebAssembly.Instance["exports"];
  readonly #meter: FuelMeter;
  readonly #fuel: WebAssembly.Global;
  /** Absent in a module that never waits. */
  readonly #state: WebAssembly.Global | undefined;
  readonly #frames = new SuspendedFrames();
  #phase: Phase = "idle";
  /** Calls into the guest that are on the stack. */
  #depth = 0;
  /** The export at the bottom of the guest stack; none while the start function runs. */
  #entered: GuestExport | undefined;
  #result: (() => number) | undefined;

  /** Instantiates a module made by `prepareImage` and runs what was its start function; throws what that throws. */
  constructor(module: WebAssembly.Module, imports: GuestImports, fuel: FuelMeter) {
    this.#meter = fuel;
    const { exports } = new WebAssembly.Instance(module, {
      [GUEST_IMPORT_MODULE]: this.#guestImports(imports),
      [HOOK_MODULE]: this.#hooks(),
    });
    this.#exports = exports;
    this.memory = expect(exports[GUEST_MEMORY], WebAssembly.Memory);
    this.#fuel = expect(exports[PREPARED_EXPORTS.fuel], WebAssembly.Global);
    const state = exports[PREPARED_EXPORTS.state];
    this.#state = state === undefined ? undefined : expect(state, WebAssembly.Global);
    if (exports[PREPARED_EXPORTS.start] !== undefined) {
      this.#begin();
      this.#call(PREPARED_EXPORTS.start, []);
      this.#phase = "idle";
    }
  }

  /** Whether the guest waits for an answer. */
  get suspended(): boolean {
    return this.#phase === "suspended";
  }

  /**
   * Calls an exported function. It may also be called from inside an import and from the `result` of `resume`; such an
   * inner call runs on the fuel of the outer one and cannot be suspended. Throws what ended the guest, or
   * EDGELESS_FUNCTION_TRAPPED when the guest is suspended or has ended before.
   */
  run(name: GuestExport, ...args: readonly number[]): Outcome {
    if (this.#phase === "running") {
      return { suspended: false, value: this.#call(name, args) };
    }
    if (this.#phase !== "idle") {
      throw new EdgelessError(
        "EDGELESS_FUNCTION_TRAPPED",
        `${name} cannot run: the function is ${this.#phase}`,
      );
    }
    this.#begin();
    this.#entered = name;
    return this.#outcome(this.#call(name, args));
  }

  /**
   * Continues a suspended guest. `result` runs when the guest's stack is back and gives the result code of its call; it
   * may use `run` itself, for example to allocate memory for the answer. Throws as `run` does.
   */
  resume(result: () => number): Outcome {
    if (this.#phase !== "suspended" || this.#entered === undefined || this.#state === undefined) {
      throw new EdgelessError(
        "EDGELESS_FUNCTION_TRAPPED",
        `nothing to resume: the function is ${this.#phase}`,
      );
    }
    this.#begin();
    this.#result = result;
    this.#phase = "rewinding";
    this.#state.value = GuestState.rewinding;
    return this.#outcome(this.#call(this.#entered, []));
  }

  #begin(): void {
    this.#meter.start();
    this.#fuel.value = 0;
    this.#phase = "running";
  }

  #call(name: string, args: readonly number[]): number | undefined {
    const entry = this.#exports[name];
    if (typeof entry !== "function") {
      throw new EdgelessError("EDGELESS_INTERNAL", `a prepared module does not export ${name}`);
    }
    this.#depth += 1;
    try {
      const value = entry(...args);
      return typeof value === "number" ? value : undefined;
    } catch (thrown) {
      this.#phase = "dead";
      throw thrown;
    } finally {
      this.#depth -= 1;
    }
  }

  #outcome(value: number | undefined): Outcome {
    if (this.#phase === "unwinding" && this.#state !== undefined) {
      this.#state.value = GuestState.normal;
      this.#phase = "suspended";
      return SUSPENDED;
    }
    if (this.#phase === "running") {
      this.#phase = "idle";
    }
    return { suspended: false, value };
  }

  #guestImports(imports: GuestImports): Record<GuestImport, WebAssembly.ImportedFunction> {
    return {
      cast_asm: (...args: Parameters<GuestImports["cast_asm"]>) => imports.cast_asm(...args),
      cast_raw_asm: (...args: Parameters<GuestImports["cast_raw_asm"]>) => imports.cast_raw_asm(...args),
      call_asm: (...args: CallArguments) => this.#suspendable(() => imports.call_asm(...args)),
      call_raw_asm: (...args: CallArguments) => this.#suspendable(() => imports.call_raw_asm(...args)),
      delayed_cast_asm: (...args: Parameters<GuestImports["delayed_cast_asm"]>) =>
        imports.delayed_cast_asm(...args),
      telemetry_log_asm: (...args: Parameters<GuestImports["telemetry_log_asm"]>) =>
        imports.telemetry_log_asm(...args),
      slf_asm: (...args: Parameters<GuestImports["slf_asm"]>) => imports.slf_asm(...args),
      sync_asm: (...args: Parameters<GuestImports["sync_asm"]>) => imports.sync_asm(...args),
    };
  }

  /** The body of an import in which the guest may wait: it begins a suspension, or ends one with the result. */
  #suspendable(call: () => number | typeof SUSPEND): number {
    const state = this.#state;
    if (this.#phase === "rewinding" && this.#result !== undefined && state !== undefined) {
      const result = this.#result;
      this.#result = undefined;
      this.#phase = "running";
      state.value = GuestState.normal;
      return result();
    }
    const code = call();
    if (code !== SUSPEND) {
      return code;
    }
    if (state === undefined || this.#depth !== 1 || this.#entered === undefined) {
      throw new EdgelessError(
        "EDGELESS_FUNCTION_TRAPPED",
        "the function called another one where it cannot wait: at its start or while the host placed data in it",
      );
    }
    this.#phase = "unwinding";
    state.value = GuestState.unwinding;
    return 0;
  }

  #hooks(): Record<Hook, WebAssembly.ImportedFunction> {
    const frames = this.#frames;
    return {
      fuel: (left: number) => this.#refill(left),
      save_i32: (value: number) => frames.save(value),
      save_i64: (value: bigint) => frames.save(value),
      load_i32: () => frames.load(),
      load_i64: () => frames.load(),
    };
  }

  /** New value of the fuel global; what the guest has overdrawn is paid back first. */
  #refill(left: number): number {
    let fuel = left;
    do {
      const more = this.#meter.exhausted();
      if (!(more >= 1)) {
        throw new EdgelessError("EDGELESS_INTERNAL", `a fuel meter gave ${more}, at least 1 is needed`);
      }
      fuel += Math.min(Math.floor(more), MAX_REFILL);
    } while (fuel < 0);
    return fuel;
  }
}

type CallArguments = Parameters<GuestImports["call_asm"]>;

/** The export as what a prepared module must have there. */
function expect<T>(value: unknown, type: new (...args: never[]) => T): T {
  if (!(value instanceof type)) {
    throw new EdgelessError(
      "EDGELESS_INTERNAL",
      `a module without ${type.name} was not made by prepareImage`,
    );
  }
  return value;
}
