import type { ModuleAnalysis } from "../image/analyse-module.js";
import { GUEST_MEMORY } from "../image/guest-abi.js";
import { PREPARED_EXPORTS } from "../image/prepared-layout.js";
import { writePreparedModule } from "../image/write-prepared-module.js";
import { readData, readGlobals } from "../translate/static-parts.js";
import { ByteWriter } from "../wasm/byte-writer.js";
import { readModule } from "../wasm/read-module.js";
import { EXTERNAL_KINDS, Section, type WasmModule } from "../wasm/wasm-module.js";
import { writeModule, writeVector } from "../wasm/write-module.js";

/** What top-level code may cost, in units of fuel, and how much memory it may have, in pages of 64 KiB. */
const MAX_FUEL = 1_000_000;
const MAX_PAGES = 64;

const GLOBAL_PREFIX = "global ";

/** A module's memory and globals after its start function has run. */
export interface StartState {
  readonly memory: Uint8Array;
  /** By index. */
  readonly globals: readonly (number | bigint)[];
}

/**
 * Runs the start function of a module, which sees nothing of the world, and gives what it leaves. Undefined when there is none,
 * when it calls the host, traps, grows the memory or takes long, and when it leaves what cannot be told from outside.
 */
export function startState(analysis: ModuleAnalysis): StartState | undefined {
  const { module } = analysis;
  const [memory] = module.memories;
  if (
    module.start === undefined ||
    memory === undefined ||
    memory.min > MAX_PAGES ||
    hasPassiveParts(module)
  ) {
    return undefined;
  }
  const prepared = readModule(writePreparedModule(analysis, memory.min, false));
  const { exports } = new WebAssembly.Instance(
    new WebAssembly.Module(withGlobalExports(prepared, module.globals.length)),
    refusingImports(prepared),
  );
  const { [PREPARED_EXPORTS.fuel]: fuel, [PREPARED_EXPORTS.start]: start, [GUEST_MEMORY]: left } = exports;
  if (
    !(fuel instanceof WebAssembly.Global && left instanceof WebAssembly.Memory) ||
    typeof start !== "function"
  ) {
    return undefined;
  }
  fuel.value = MAX_FUEL;
  try {
    start();
  } catch {
    // It ends in the same way wherever the module runs.
    return undefined;
  }
  const globals = module.globals.map((_, index) => {
    const global = exports[GLOBAL_PREFIX + index];
    // Numbers of 64 bits are BigInts, all others are numbers: globals hold nothing else here.
    return global instanceof WebAssembly.Global ? (global.value as number | bigint) : 0;
  });
  // Which NaN it is cannot be seen from here.
  return globals.some(Number.isNaN) ? undefined : { memory: new Uint8Array(left.buffer), globals };
}

/** Segments that code takes apart one by one. */
function hasPassiveParts(module: WasmModule): boolean {
  return (
    module.elements.some(({ mode }) => mode === "passive") ||
    readData(module, readGlobals(module)).some(({ offset }) => offset === undefined)
  );
}

function withGlobalExports({ bytes, sections, exports }: WasmModule, globals: number): Uint8Array {
  const added = Array.from({ length: globals }, (_, index) => ({
    name: GLOBAL_PREFIX + index,
    kind: "global" as const,
    index,
  }));
  const out = new ByteWriter();
  writeVector(out, [...exports, ...added], ({ name, kind, index }) => {
    out.name(name).byte(EXTERNAL_KINDS.indexOf(kind)).u32(index);
  });
  return writeModule(
    sections.map(({ id, start, end }) => ({
      id,
      bytes: id === Section.export ? out.bytes() : bytes.subarray(start, end),
    })),
  );
}

function refusingImports({ imports }: WasmModule): Record<string, Record<string, () => never>> {
  const all: Record<string, Record<string, () => never>> = {};
  for (const { module, name } of imports) {
    const named = all[module] ?? {};
    named[name] = () => {
      throw new Error("top-level code asks for something");
    };
    all[module] = named;
  }
  return all;
}
