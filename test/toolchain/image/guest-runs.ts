import type { FuelMeter } from "../../../toolchain/engine/fuel-meter.js";
import { type GuestImports, SUSPEND } from "../../../toolchain/engine/guest-imports.js";
import { PreparedInstance } from "../../../toolchain/engine/prepared-instance.js";
import { GUEST_IMPORTS, type GuestExport } from "../../../toolchain/image/guest-abi.js";
import { prepareImage } from "../../../toolchain/image/prepare.js";

/** Bytes of the memory that the programs of the tests use. */
const USED_MEMORY = 1024;

/** What can be seen of a run from outside. */
export interface Run {
  /** `returned`, `trapped` or `out of fuel`. */
  readonly end: string;
  readonly memory: string;
  /** Every import call with its arguments and the memory at that moment. */
  readonly calls: readonly string[];
}

/** A run of a prepared module. */
export interface PreparedRun extends Run {
  readonly fuel: number;
  readonly suspensions: number;
}

/** Thrown by {@link limitedFuel}. */
export class OutOfFuel extends Error {
  override readonly name = "OutOfFuel";
}

/** A meter that gives one unit at a time, so that it counts exactly, and ends the guest after `limit` units. */
export function limitedFuel(limit: number): FuelMeter & { used: number } {
  return {
    used: 0,
    start() {},
    exhausted() {
      this.used += 1;
      if (this.used > limit) {
        throw new OutOfFuel();
      }
      return 1;
    },
  };
}

/** Imports that log what they are called with, and answer a call by writing into memory and with a code from its number. */
class Recorder {
  readonly calls: string[] = [];
  memory: () => Uint8Array = () => new Uint8Array();

  log(name: string, args: readonly (number | bigint)[]): void {
    this.calls.push(`${name}(${args.join()}) ${digest(this.memory())}`);
  }

  answer(): number {
    const count = this.calls.length;
    this.memory()[(count * 37) % 256] = count;
    return (count * 11) % 3;
  }
}

function digest(memory: Uint8Array): string {
  return Buffer.from(memory.buffer, memory.byteOffset, USED_MEMORY).toString("base64");
}

const ARGUMENTS: Partial<Record<GuestExport, readonly number[]>> = { handle_init_asm: [1, 2, 3, 4] };

function ending(thrown: unknown): string {
  if (thrown instanceof OutOfFuel) {
    return "out of fuel";
  }
  if (thrown instanceof WebAssembly.RuntimeError) {
    return `trapped: ${thrown.message}`;
  }
  throw thrown;
}

/** Runs the unprepared module in the plain engine, every call answered at once. */
export function runPlain(wasm: Uint8Array, name: GuestExport): Run {
  const recorder = new Recorder();
  const env: Record<string, WebAssembly.ImportedFunction> = {};
  for (const imported of Object.keys(GUEST_IMPORTS)) {
    env[imported] = (...args: number[]) => {
      recorder.log(imported, args);
      return imported.startsWith("call") ? recorder.answer() : undefined;
    };
  }
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm), { env });
  const { memory, [name]: entry } = exports;
  if (!(memory instanceof WebAssembly.Memory) || typeof entry !== "function") {
    throw new Error("the module does not keep to the guest ABI");
  }
  recorder.memory = () => new Uint8Array(memory.buffer);
  let end = "returned";
  try {
    entry(...(ARGUMENTS[name] ?? []));
  } catch (thrown) {
    end = ending(thrown);
  }
  return { end, memory: digest(recorder.memory()), calls: recorder.calls };
}

/** Runs the prepared module; the call with number n (from 1) is suspended when `suspends(n)`. */
export function runPrepared(
  wasm: Uint8Array,
  name: GuestExport,
  suspends: (call: number) => boolean,
  fuelLimit: number,
): PreparedRun {
  const recorder = new Recorder();
  const meter = limitedFuel(fuelLimit);
  let suspensions = 0;
  const call =
    (imported: string) =>
    (...args: number[]) => {
      recorder.log(imported, args);
      return suspends(recorder.calls.length) ? SUSPEND : recorder.answer();
    };
  const note =
    (imported: string) =>
    (...args: (number | bigint)[]) =>
      recorder.log(imported, args);
  const imports: GuestImports = {
    cast_asm: note("cast_asm"),
    cast_raw_asm: note("cast_raw_asm"),
    call_asm: call("call_asm"),
    call_raw_asm: call("call_raw_asm"),
    delayed_cast_asm: note("delayed_cast_asm"),
    telemetry_log_asm: note("telemetry_log_asm"),
    slf_asm: note("slf_asm"),
    sync_asm: note("sync_asm"),
  };
  const { module } = prepareImage(wasm, { maxMemoryPages: 16 });
  const instance = new PreparedInstance(new WebAssembly.Module(module), imports, meter);
  recorder.memory = () => new Uint8Array(instance.memory.buffer);
  let end = "returned";
  try {
    let outcome = instance.run(name, ...(ARGUMENTS[name] ?? []));
    while (outcome.suspended) {
      suspensions += 1;
      outcome = instance.resume(() => recorder.answer());
    }
  } catch (thrown) {
    end = ending(thrown);
  }
  return { end, memory: digest(recorder.memory()), calls: recorder.calls, fuel: meter.used, suspensions };
}
