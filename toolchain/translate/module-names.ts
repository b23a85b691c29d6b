import { EdgelessError } from "../../core/errors.js";
import { GUEST_IMPORTS } from "../image/guest-abi.js";
import { HOOK_MODULE } from "../image/prepared-layout.js";
import { type FunctionType, functionTypeText, ValueType } from "../wasm/value-type.js";
import type { FunctionBody, WasmModule } from "../wasm/wasm-module.js";
import { HostRequest, type Part, type TrapReason, trap } from "./helpers.js";
import { substituted } from "./inlined-call.js";
import { FIRST_INLINED_SLOT, GlobalNames, slotName, slotsIn } from "./names.js";
import { width } from "./operand.js";
import type { SignFacts } from "./sign-facts.js";
import { type Statement, textsOf } from "./statement.js";
import type { Constant } from "./static-parts.js";
import { binary, CALLS, call, integer, primary, unsigned, type Value, within } from "./value.js";

/** How large the memory is. */
export interface MemoryPlan {
  /** Bytes that are there from the start, and at most after growing. */
  readonly bytes: number;
  readonly mostBytes: number;
  /** What `memory.size` gives at first, and the most it can give. */
  readonly pages: number;
  readonly mostPages: number;
  /**
   * Where the last page ends, when the memory is smaller and the code asks for its size: an allocator then writes the marks
   * of its free block at the end of the page. The last four words are kept apart for it.
   */
  readonly end: number | undefined;
}

const IMPORT_NAMES = Object.keys(GUEST_IMPORTS);

/** The names in a module's text, and what of the module is used. */
export class ModuleNames {
  readonly #module: WasmModule;
  readonly #memory: MemoryPlan;
  readonly #constants: readonly Constant[];
  readonly #names = new GlobalNames();
  #nextSlot = FIRST_INLINED_SLOT;
  /** Used parts in an order in which each comes after those it depends on. */
  readonly parts = new Set<Part>();
  readonly usedGlobals = new Set<number>();
  /** Types of table calls, as text. */
  readonly usedTables = new Set<string>();
  /** Extra results of functions beside the first two. */
  mostResults = 0;
  usesGrowth = false;
  usesGrowFunction = false;
  /** Gives the expression of a function that is short enough to be written where it is called. */
  expressionOf: (
    index: number,
  ) => { readonly body: Value; readonly parameters: readonly string[] } | undefined = () => undefined;
  /** The code of a function that is called in one place only, which is small enough to be written there. */
  bodyOf: (index: number) => FunctionBody | undefined = () => undefined;
  /** Called with each function that is called. */
  onCall: (index: number) => void = () => {};
  onTable: (type: string) => void = () => {};

  constructor(
    module: WasmModule,
    memory: MemoryPlan,
    constants: readonly Constant[],
    readonly signs: SignFacts,
  ) {
    this.#module = module;
    this.#memory = memory;
    this.#constants = constants;
  }

  /** Bytes that the memory has from the start. */
  get memoryBytes(): number {
    return this.#memory.bytes;
  }

  /** Most bytes that the memory can have. */
  get mostMemoryBytes(): number {
    return this.#memory.mostBytes;
  }

  get canGrow(): boolean {
    return this.#memory.mostPages > this.#memory.pages;
  }

  /** Numbers for the locals of a function that is written where it is called; gives the first one. */
  reserveSlots(statements: readonly Statement[], parameters: readonly number[]): number {
    const first = this.#nextSlot;
    const own = parameters.map(slotName).join("");
    this.#nextSlot += Math.max(slotsIn(own), slotsIn(textsOf(statements)));
    return first;
  }

  /** Whether a local is one of those. */
  isReserved(slot: number): boolean {
    return slot >= FIRST_INLINED_SLOT;
  }

  /** Begins another function of the text. */
  releaseSlots(): void {
    this.#nextSlot = FIRST_INLINED_SLOT;
  }

  /** The name of a part of the text that is there when it is used. */
  part(part: Part): string {
    if (part === "limit" && !(this.canGrow && this.usesGrowth)) {
      return String(this.#memory.bytes);
    }
    this.parts.add(part);
    return this.#names.of(part);
  }

  /** An expression that ends the function. */
  trap(reason: TrapReason): string {
    return trap((part) => this.part(part), reason);
  }

  /** An expression that charges a turn, and is true. */
  turn(): string {
    return `${this.part("fuel")}--||${this.part("refuel")}()`;
  }

  /** The name of something else in the text, by a key. */
  key(key: string): string {
    return this.#names.of(key);
  }

  functionName(index: number): string {
    return this.#names.of(`function ${index}`);
  }

  /** The constant that a global always has, if it has one. */
  constantGlobal(index: number): Constant | undefined {
    return this.#module.globals[index]?.mutable === false ? this.#constants[index] : undefined;
  }

  /** The variables of a global: two for an i64. */
  global(index: number): string[] {
    this.usedGlobals.add(index);
    const name = this.#names.of(`global ${index}`);
    return this.#module.globals[index]?.type === ValueType.i64
      ? [name, this.#names.of(`global ${index} high`)]
      : [name];
  }

  /** Where a function leaves its result with this number, counted in numbers of JavaScript from 0. */
  result(at: number): string {
    if (at === 1) {
      return this.part("high");
    }
    this.mostResults = Math.max(this.mostResults, at);
    return this.#names.of(`result ${at}`);
  }

  memorySize(): Value {
    if (!this.canGrow || !this.usesGrowth) {
      return integer(this.#memory.pages);
    }
    return primary(this.pages(), { reads: CALLS }, [0, 65536]);
  }

  /** The variable for the size of a memory that can grow. */
  pages(): string {
    return this.#names.of("pages");
  }

  memoryGrow(): string {
    this.usesGrowFunction = true;
    return this.#names.of("grow");
  }

  /** The table for calls of a type. */
  table(typeIndex: number): string {
    const text = functionTypeText(this.#module.types[typeIndex] ?? { params: [], results: [] });
    this.usedTables.add(text);
    this.onTable(text);
    return this.#names.of(`table ${text}`);
  }

  /** A call of a function by its index, imported ones included. */
  call(index: number, args: readonly Value[]): Value {
    const effects = { reads: CALLS, writes: CALLS };
    if (index >= this.#module.importedFunctions) {
      this.noteArguments(index, args);
      const expression = this.expressionOf(index);
      const inlined =
        expression === undefined ? undefined : substituted(expression.body, expression.parameters, args);
      if (inlined !== undefined) {
        return inlined;
      }
      this.onCall(index);
      return call(this.functionName(index), args, effects, this.#resultBounds(index));
    }
    const { module = "", name = "" } = this.#module.imports[index] ?? {};
    if (module === HOOK_MODULE) {
      return this.#hook(name, args);
    }
    const place = IMPORT_NAMES.indexOf(name);
    const given = name === "delayed_cast_asm" ? delayed(args) : args;
    return call(this.part("host"), [integer(HostRequest.imports + place), ...given], effects);
  }

  /** Notes what a function is given; an i64 is two arguments. */
  noteArguments(index: number, args: readonly Value[]): void {
    let next = 0;
    for (const [at, type] of this.#typeOf(index).params.entries()) {
      if (type === ValueType.i32) {
        this.signs.note(`${index} ${at}`, args[next]);
      }
      next += width(type);
    }
  }

  #resultBounds(index: number): readonly [number, number] | undefined {
    const isKnown = this.#typeOf(index).results[0] === ValueType.i32 && this.signs.has(`${index} result`);
    return isKnown ? [0, 2 ** 31 - 1] : undefined;
  }

  #typeOf(index: number): FunctionType {
    return this.#module.types[this.#module.functions[index] ?? 0] ?? { params: [], results: [] };
  }

  /** How a statement that keeps locals begins. */
  get pushing(): string {
    return `${this.#names.of("saved")}.push(`;
  }

  /** The functions by which a suspended function keeps its locals: a list of numbers, two for 64 bits. */
  #hook(name: string, args: readonly Value[]): Value {
    const effects = { reads: CALLS, writes: CALLS };
    const saved = this.part("saved");
    switch (name) {
      case "save_i32":
      case "save_i64":
        return call(`${saved}.push`, args, effects);
      case "load_i32":
        return call(this.part("restore"), [], effects);
      case "load_i64":
        return call(this.part("restoreWide"), [], effects);
      default:
        throw new EdgelessError("EDGELESS_INTERNAL", `a translated function calls ${name}`);
    }
  }
}

/** The delay in milliseconds, an i64, as one number. */
function delayed([low = integer(0), high = integer(0), ...rest]: readonly Value[]): Value[] {
  const upper = binary(unsigned(high), "*", primary("4294967296"), [0, 2 ** 64]);
  const delay = high.constant === 0 ? unsigned(low) : binary(upper, "+", unsigned(low), [0, 2 ** 64]);
  return [{ ...delay, text: within(delay, 0) }, ...rest];
}
