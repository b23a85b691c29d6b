import { EdgelessError } from "../../core/errors.js";
import { ByteWriter } from "../wasm/byte-writer.js";
import { Op } from "../wasm/opcode.js";
import { type FunctionType, ValueType } from "../wasm/value-type.js";
import { type ElementSegment, EXTERNAL_KINDS, Section, type WasmModule } from "../wasm/wasm-module.js";
import { type SectionContents, writeConstantI32, writeModule, writeVector } from "../wasm/write-module.js";
import type { ModuleAnalysis } from "./analyse-module.js";
import { CallCosts } from "./call-costs.js";
import { writeChargeFunction } from "./fuel-code.js";
import { GUEST_EXPORTS, GUEST_MEMORY } from "./guest-abi.js";
import { HOOK_MODULE, HOOKS, type Hook, PREPARED_EXPORTS, PreparedLayout } from "./prepared-layout.js";
import { rewriteFunction, type SourceFunction } from "./rewrite-function.js";
import { SuspendableFunction } from "./rewrite-suspendable.js";
import { SuspensionGraph } from "./suspension-graph.js";

/** Bytes that the prepared code may have: so many for each byte of the source, in any case, and at most. */
const MAX_GROWTH = 24;
const MIN_CODE_LIMIT = 64 * 1024;
const MAX_CODE_LIMIT = 48 * 1024 * 1024;

/** The whole address space. */
const MAX_PAGES = 65536;

const FUNCTION = EXTERNAL_KINDS.indexOf("function");
const MEMORY = EXTERNAL_KINDS.indexOf("memory");
const GLOBAL = EXTERNAL_KINDS.indexOf("global");

/** The function that charges its argument has the type of `save_i32`. */
const CHARGE_TYPE: FunctionType = HOOKS.save_i32;

/**
 * Writes the prepared module: sections that stay are copied; custom sections and exports that nobody uses are left out;
 * the start function becomes an export, so that it runs when the memory can be reached.
 * Throws EDGELESS_WASM_TOO_LARGE when the code would grow out of proportion.
 */
export function writePreparedModule(
  analysis: ModuleAnalysis,
  maxPages: number,
  suspends: boolean,
): Uint8Array {
  return writeModule(new PreparedModuleWriter(analysis, maxPages, suspends).sections());
}

/** As {@link writePreparedModule} for a module that waits in calls, but without code that counts fuel. */
export function writeSuspendableModule(analysis: ModuleAnalysis): Uint8Array {
  return writeModule(new PreparedModuleWriter(analysis, MAX_PAGES, true, false).sections());
}

class PreparedModuleWriter {
  readonly #analysis: ModuleAnalysis;
  readonly #module: WasmModule;
  readonly #maxPages: number;
  readonly #suspends: boolean;
  readonly #hooks: readonly Hook[];
  readonly #layout: PreparedLayout;

  constructor(analysis: ModuleAnalysis, maxPages: number, suspends: boolean, countsFuel = true) {
    const { module } = analysis;
    this.#analysis = analysis;
    this.#module = module;
    this.#maxPages = maxPages;
    this.#suspends = suspends;
    this.#hooks = suspends ? ["fuel", "save_i32", "save_i64", "load_i32", "load_i64"] : ["fuel"];
    this.#layout = new PreparedLayout(
      {
        importedFunctions: module.importedFunctions,
        functions: module.functions.length,
        globals: module.globals.length,
      },
      this.#hooks,
      countsFuel,
    );
  }

  sections(): SectionContents[] {
    const sections: SectionContents[] = [];
    const limit = Math.min(MIN_CODE_LIMIT + MAX_GROWTH * this.#module.bytes.length, MAX_CODE_LIMIT);
    const add = (id: number, write: (out: ByteWriter) => void) => {
      const out = new ByteWriter(limit);
      write(out);
      sections.push({ id, bytes: out.bytes() });
    };
    add(Section.type, (out) => this.#types(out));
    add(Section.import, (out) => this.#imports(out));
    add(Section.function, (out) => this.#functions(out));
    this.#copy(Section.table, sections);
    add(Section.memory, (out) => this.#memories(out));
    add(Section.global, (out) => this.#globals(out));
    add(Section.export, (out) => this.#exports(out));
    add(Section.element, (out) => this.#elements(out));
    this.#copy(Section.dataCount, sections);
    add(Section.code, (out) => this.#code(out));
    this.#copy(Section.data, sections);
    return sections;
  }

  #copy(id: number, sections: SectionContents[]): void {
    const range = this.#module.sections.find((section) => section.id === id);
    if (range !== undefined) {
      sections.push({ id, bytes: this.#module.bytes.subarray(range.start, range.end) });
    }
  }

  #types(out: ByteWriter): void {
    const added = [...this.#hooks.map((hook) => HOOKS[hook]), CHARGE_TYPE];
    writeVector<FunctionType>(out, [...this.#module.types, ...added], ({ params, results }) => {
      out.byte(0x60);
      writeVector(out, params, (type) => out.byte(type));
      writeVector(out, results, (type) => out.byte(type));
    });
  }

  #imports(out: ByteWriter): void {
    const { imports, types } = this.#module;
    const added = this.#hooks.map((name, at) => ({
      module: HOOK_MODULE,
      name,
      typeIndex: types.length + at,
    }));
    writeVector(out, [...imports, ...added], ({ module, name, typeIndex }) => {
      out.name(module).name(name).byte(FUNCTION).u32(typeIndex);
    });
  }

  #functions(out: ByteWriter): void {
    const { functions, importedFunctions, types } = this.#module;
    const chargeType = types.length + this.#hooks.length;
    writeVector(out, [...functions.slice(importedFunctions), chargeType], (type) => out.u32(type));
  }

  #memories(out: ByteWriter): void {
    writeVector(out, this.#module.memories, ({ min, max }) => {
      out
        .byte(1)
        .u32(min)
        .u32(Math.min(max ?? this.#maxPages, this.#maxPages));
    });
  }

  #globals(out: ByteWriter): void {
    const { bytes, sections, globals } = this.#module;
    const range = sections.find(({ id }) => id === Section.global);
    const added = this.#suspends ? 2 : 1;
    out.u32(globals.length + added);
    if (range !== undefined) {
      out.raw(bytes.subarray(range.start + vectorLengthBytes(bytes, range.start), range.end));
    }
    for (let left = added; left > 0; left -= 1) {
      out.byte(ValueType.i32).byte(1);
      writeConstantI32(out, 0);
    }
  }

  #exports(out: ByteWriter): void {
    const { exports, start } = this.#module;
    const kept = exports.filter(({ name }) => name === GUEST_MEMORY || Object.hasOwn(GUEST_EXPORTS, name));
    const items = kept.map(({ name, kind, index }) =>
      kind === "memory"
        ? { name, kind: MEMORY, index }
        : { name, kind: FUNCTION, index: this.#layout.functionIndex(index) },
    );
    items.push({ name: PREPARED_EXPORTS.fuel, kind: GLOBAL, index: this.#layout.fuelGlobal });
    if (this.#suspends) {
      items.push({ name: PREPARED_EXPORTS.state, kind: GLOBAL, index: this.#layout.stateGlobal });
    }
    if (start !== undefined) {
      items.push({ name: PREPARED_EXPORTS.start, kind: FUNCTION, index: this.#layout.functionIndex(start) });
    }
    writeVector(out, items, ({ name, kind, index }) => out.name(name).byte(kind).u32(index));
  }

  #elements(out: ByteWriter): void {
    writeVector(out, this.#module.elements, (segment) => this.#segment(out, segment));
  }

  /** Expressions only where a null is listed, else plain indices (core specification 5.5.12). */
  #segment(out: ByteWriter, { mode, table, offset, functions }: ElementSegment): void {
    const expressions = functions.includes(undefined);
    const explicitTable = mode === "active" && table !== 0;
    const flags = (mode === "active" ? 0 : 1) | (explicitTable || mode === "declarative" ? 2 : 0);
    out.u32(flags | (expressions ? 4 : 0));
    if (explicitTable) {
      out.u32(table);
    }
    if (offset !== undefined) {
      out.raw(offset);
    }
    if (flags !== 0) {
      out.byte(expressions ? 0x70 : 0);
    }
    writeVector(out, functions, (index) => {
      if (!expressions) {
        out.u32(this.#layout.functionIndex(index ?? 0));
      } else if (index === undefined) {
        out.code(Op.refNull, 0x70, Op.end);
      } else {
        out.byte(Op.refFunc).u32(this.#layout.functionIndex(index)).byte(Op.end);
      }
    });
  }

  #code(out: ByteWriter): void {
    const { bytes, bodies, functions, importedFunctions, types } = this.#module;
    const graph = this.#suspends ? new SuspensionGraph(this.#analysis) : undefined;
    const costs = new CallCosts(this.#analysis);
    out.u32(bodies.length + 1);
    for (const [at, body] of bodies.entries()) {
      const index = importedFunctions + at;
      const scan = this.#analysis.scans[at];
      const type = types[functions[index] ?? 0];
      if (scan === undefined || type === undefined) {
        throw new EdgelessError("EDGELESS_INTERNAL", `function ${index} was read but not scanned`);
      }
      const code = new ByteWriter(out.limit);
      const source: SourceFunction = { type, body, scan, limit: out.limit };
      if (graph?.has(index)) {
        new SuspendableFunction(source, this.#module, this.#layout, graph, costs).write(code);
      } else {
        rewriteFunction(code, bytes, source, this.#layout, costs);
      }
      out.sized(code.bytes());
    }
    const charge = new ByteWriter();
    writeChargeFunction(charge, this.#layout);
    out.sized(charge.bytes());
  }
}

function vectorLengthBytes(bytes: Uint8Array, start: number): number {
  let length = 1;
  while ((bytes[start + length - 1] ?? 0) >= 0x80) {
    length += 1;
  }
  return length;
}
