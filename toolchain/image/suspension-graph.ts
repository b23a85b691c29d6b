import type { InstructionReader } from "../wasm/instruction-reader.js";
import { Op } from "../wasm/opcode.js";
import { functionTypeText } from "../wasm/value-type.js";
import type { WasmModule } from "../wasm/wasm-module.js";
import type { ModuleAnalysis } from "./analyse-module.js";
import { SUSPENDING_IMPORTS } from "./guest-abi.js";

/**
 * Which functions can be on the stack while the guest waits: those from which a suspending import can be reached. A call
 * through a table is taken to reach every function of its type that is in some table.
 */
export class SuspensionGraph {
  readonly #functions = new Set<number>();
  /** Function types, as text, through which a suspending function can be called. */
  readonly #types = new Set<string>();
  readonly #typeTexts: readonly string[];

  constructor(analysis: ModuleAnalysis) {
    const { module } = analysis;
    this.#typeTexts = module.types.map(functionTypeText);
    const callers = this.#callers(analysis);
    const inTables = new Set(module.elements.flatMap(({ functions }) => functions));
    const found = suspendingImports(module);
    for (let next = found.pop(); next !== undefined; next = found.pop()) {
      if (this.#functions.has(next)) {
        continue;
      }
      this.#functions.add(next);
      pushAll(found, callers.direct.get(next));
      const type = this.#typeTexts[module.functions[next] ?? 0] ?? "";
      if (inTables.has(next) && !this.#types.has(type)) {
        this.#types.add(type);
        pushAll(found, callers.byType.get(type));
      }
    }
  }

  /** Whether a function, by its index in the source, can be suspended. */
  has(functionIndex: number): boolean {
    return this.#functions.has(functionIndex);
  }

  /** Whether the current instruction is a call in which the guest can be suspended. */
  isSite({ opcode, index }: InstructionReader): boolean {
    return opcode === Op.call
      ? this.#functions.has(index)
      : opcode === Op.callIndirect && this.#types.has(this.#typeTexts[index] ?? "");
  }

  #callers({ module, scans }: ModuleAnalysis) {
    const direct = new Map<number, number[]>();
    const byType = new Map<string, number[]>();
    for (const [at, { calls, indirectTypes }] of scans.entries()) {
      const caller = module.importedFunctions + at;
      for (const callee of calls) {
        append(direct, callee, caller);
      }
      for (const type of indirectTypes) {
        append(byType, this.#typeTexts[type] ?? "", caller);
      }
    }
    return { direct, byType };
  }
}

/** Indices of the imported functions in which the guest waits. Every import of a guest is a function. */
function suspendingImports({ imports }: WasmModule): number[] {
  return imports.flatMap(({ name }, index) => (SUSPENDING_IMPORTS.has(name) ? [index] : []));
}

function append<K>(map: Map<K, number[]>, key: K, value: number): void {
  const list = map.get(key);
  if (list === undefined) {
    map.set(key, [value]);
  } else {
    list.push(value);
  }
}

function pushAll(into: number[], values: readonly number[] | undefined): void {
  for (const value of values ?? []) {
    into.push(value);
  }
}
