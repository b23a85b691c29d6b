import { RUNTIME_WASM } from "../coap-api/operations/register.js";
import { EdgelessError, reasonOf } from "../core/errors.js";
import {
  DeviceFault,
  IMAGE_TOO_LARGE,
  OUT_OF_MEMORY,
  OUT_OF_TIME,
  TRAPPED,
} from "../embedded/device-fault.js";
import { type Engine, type Guest, type GuestImports, SUSPEND } from "../embedded/engine.js";
import { GUEST_EXPORT_NAMES } from "../embedded/guest-exports.js";
import type { FlashStorage } from "../embedded/hardware.js";
import type { FuelMeter } from "../toolchain/engine/fuel-meter.js";
import {
  SUSPEND as ENGINE_SUSPEND,
  type GuestImports as EngineImports,
} from "../toolchain/engine/guest-imports.js";
import { PreparedInstance } from "../toolchain/engine/prepared-instance.js";
import type { MemoryBudget } from "./memory-budget.js";
import type { ModuleLibrary } from "./module-library.js";

/** Bytes of a page of WebAssembly memory. */
const PAGE = 65536;

/** Runs WebAssembly images with the memory and the speed of a board. */
export class WasmEngine implements Engine {
  readonly runtime = RUNTIME_WASM;
  readonly #library: ModuleLibrary;
  readonly #memory: MemoryBudget;
  readonly #instructionsPerMs: number;

  /** @param library is shared, so that a thousand boards compile a module once */
  constructor(library: ModuleLibrary, memory: MemoryBudget, instructionsPerMs: number) {
    this.#library = library;
    this.#memory = memory;
    this.#instructionsPerMs = instructionsPerMs;
  }

  load(
    storage: FlashStorage,
    name: string,
    imports: GuestImports,
    maxMemoryBytes: number,
    maxRunTimeMs: number,
  ): Guest {
    const image = storage.read(name) ?? new Uint8Array(0);
    const pages = Math.floor(maxMemoryBytes / PAGE);
    if (pages === 0)
      throw new DeviceFault(IMAGE_TOO_LARGE, `${maxMemoryBytes} bytes of memory, one page has ${PAGE}`);
    try {
      const module = this.#library.compile(image, pages);
      const meter = new RunTimeMeter(maxRunTimeMs, maxRunTimeMs * this.#instructionsPerMs);
      const instance = new PreparedInstance(module, engineImports(imports), meter);
      return new WasmGuest(instance, this.#memory, pages * PAGE);
    } catch (thrown) {
      throw deviceFault(thrown);
    }
  }
}

/** Gives each stretch of a handler its instructions once. */
class RunTimeMeter implements FuelMeter {
  readonly #maxRunTimeMs: number;
  readonly #instructions: number;
  #spent = false;

  constructor(maxRunTimeMs: number, instructions: number) {
    this.#maxRunTimeMs = maxRunTimeMs;
    this.#instructions = Math.max(1, Math.floor(instructions));
  }

  start(): void {
    this.#spent = false;
  }

  exhausted(): number {
    if (this.#spent) throw new DeviceFault(OUT_OF_TIME, `no end within ${this.#maxRunTimeMs} ms of run time`);
    this.#spent = true;
    return this.#instructions;
  }
}

class WasmGuest implements Guest {
  suspended = false;
  readonly #instance: PreparedInstance;
  readonly #budget: MemoryBudget;
  readonly #ceilingBytes: number;
  readonly #initialBytes: number;
  #view: Uint8Array = new Uint8Array(0);
  #takenBytes = 0;
  #depth = 0;

  /** @throws DeviceFault when the board has no room for its memory */
  constructor(instance: PreparedInstance, budget: MemoryBudget, ceilingBytes: number) {
    this.#instance = instance;
    this.#budget = budget;
    this.#ceilingBytes = ceilingBytes;
    this.#initialBytes = instance.memory.buffer.byteLength;
    this.#account();
  }

  memory(): Uint8Array {
    const { buffer } = this.#instance.memory;
    if (this.#view.buffer !== buffer) this.#view = new Uint8Array(buffer);
    return this.#view;
  }

  run(entry: number, ...args: number[]): number {
    const name = GUEST_EXPORT_NAMES[entry];
    if (name === undefined || name === "") throw new DeviceFault(TRAPPED, `no export ${entry}`);
    return this.#enter(() => this.#instance.run(name, ...args));
  }

  resume(result: () => number): number {
    return this.#enter(() => this.#instance.resume(result));
  }

  close(): void {
    this.#budget.take(-this.#takenBytes);
    this.#takenBytes = 0;
  }

  #enter(work: () => ReturnType<PreparedInstance["run"]>): number {
    this.#depth++;
    try {
      const outcome = work();
      if (this.#depth === 1) this.suspended = outcome.suspended;
      if (this.#instance.memory.buffer.byteLength !== this.#takenBytes) this.#account();
      return outcome.suspended ? 0 : (outcome.value ?? 0);
    } catch (thrown) {
      throw this.#faultOf(thrown);
    } finally {
      this.#depth--;
    }
  }

  /** Takes what the guest's memory has grown by from the memory of the board. */
  #account(): void {
    const bytes = this.#instance.memory.buffer.byteLength;
    if (!this.#budget.take(bytes - this.#takenBytes))
      throw new DeviceFault(OUT_OF_MEMORY, `the board has ${this.#budget.freeBytes} bytes left`);
    this.#takenBytes = bytes;
  }

  /** A guest that gets no memory traps like any other; that it grew and holds all it may tells them apart. */
  #faultOf(thrown: unknown): DeviceFault {
    const fault = deviceFault(thrown);
    const bytes = this.#instance.memory.buffer.byteLength;
    if (fault.error !== TRAPPED || bytes < this.#ceilingBytes || bytes === this.#initialBytes) return fault;
    return new DeviceFault(OUT_OF_MEMORY, `${fault.reason}, all ${bytes} bytes of memory in use`);
  }
}

function deviceFault(thrown: unknown): DeviceFault {
  if (thrown instanceof DeviceFault) return thrown;
  const error = thrown instanceof EdgelessError ? thrown.number : TRAPPED;
  return new DeviceFault(error, reasonOf(thrown).slice(0, 120));
}

function engineImports(imports: GuestImports): EngineImports {
  return {
    cast_asm: (...args) => imports.cast_asm(...args),
    cast_raw_asm: (...args) => imports.cast_raw_asm(...args),
    call_asm: (...args) => waiting(imports.call_asm(...args)),
    call_raw_asm: (...args) => waiting(imports.call_raw_asm(...args)),
    delayed_cast_asm: (delay, ...args) =>
      imports.delayed_cast_asm(Number(BigInt.asUintN(64, delay)), ...args),
    telemetry_log_asm: (...args) => imports.telemetry_log_asm(...args),
    slf_asm: (...args) => imports.slf_asm(...args),
    sync_asm: (...args) => imports.sync_asm(...args),
  };
}

function waiting(code: number): number | typeof ENGINE_SUSPEND {
  return code === SUSPEND ? ENGINE_SUSPEND : code;
}
