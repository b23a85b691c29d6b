import { EdgelessError } from "../../core/errors.js";
import { GUEST_EXPORTS } from "../image/guest-abi.js";
import { PREPARED_EXPORTS } from "../image/prepared-layout.js";
import { ByteReader } from "../wasm/byte-reader.js";
import { InstructionReader } from "../wasm/instruction-reader.js";
import { Op } from "../wasm/opcode.js";
import { functionTypeText, ValueType } from "../wasm/value-type.js";
import type { FunctionBody, WasmModule } from "../wasm/wasm-module.js";
import { type CallFacts, callFacts, type GraphNode } from "./call-graph.js";
import { dataPieces } from "./data-text.js";
import { inOrderOfUse } from "./declaration-order.js";
import { float } from "./float-operations.js";
import { functionText, runOnce } from "./function-text.js";
import { declaration, HostRequest, type Part } from "./helpers.js";
import { type MemoryPlan, ModuleNames } from "./module-names.js";
import { EXIT_NAME, GlobalNames, shortenSlots, slotCounts, slotName } from "./names.js";
import { type RareHelper, withoutRareHelpers } from "./rare-helpers.js";
import { doesNothing, forwarders, type NamedFunction } from "./short-functions.js";
import type { SignFacts } from "./sign-facts.js";
import { type Constant, constantOffset, type DataSegment } from "./static-parts.js";
import { StructuredText } from "./structure.js";
import { type FunctionCode, translateFunction } from "./translate-function.js";
import { integer, type Value } from "./value.js";

/** Bounds on the text. */
export interface TextLimits {
  readonly maxTextBytes: number;
  /** Functions inside each other that recursion may reach. */
  readonly maxRecursion: number;
}

interface WrittenFunction extends GraphNode {
  /** With stand-ins for names. */
  readonly parameters: string;
  readonly body: string;
  readonly argumentCount: number;
}

/** A call of a function. */
const CALL = /[^\s+\-*/%&|^!~<>=?:,([]\(/;

/** Bytes of code, and characters, that a function has at most to be written where it is called. */
const MAX_INLINED_BYTES = 24;
const MAX_INLINED_TEXT = 24;

interface Expression {
  readonly body: Value;
  readonly parameters: readonly string[];
}

/** The finished text. */
export interface ModuleText {
  readonly code: string;
  readonly functions: number;
  readonly callDepth: number;
}

/** Writes the text of a module: only what can be reached from its exports. */
export class ModuleWriter {
  readonly #module: WasmModule;
  readonly #memory: MemoryPlan;
  readonly #constants: readonly Constant[];
  readonly #data: readonly DataSegment[];
  readonly #limits: TextLimits;
  readonly #names: ModuleNames;
  readonly #functions = new Map<number, WrittenFunction>();
  readonly #waiting: number[] = [];
  readonly #tables: readonly (number | undefined)[];
  readonly #expressions = new Map<number, Expression | undefined>();
  #calls = new Set<number>();
  #length = 0;

  constructor(
    module: WasmModule,
    memory: MemoryPlan,
    constants: readonly Constant[],
    data: readonly DataSegment[],
    limits: TextLimits,
    signs: SignFacts,
  ) {
    this.#module = module;
    this.#memory = memory;
    this.#constants = constants;
    this.#data = data;
    this.#limits = limits;
    this.#names = new ModuleNames(module, memory, constants, signs);
    this.#tables = tableOf(module, constants);
    this.#names.expressionOf = (index) => this.#expression(index);
    const single = calledOnce(module);
    this.#names.bodyOf = (index) =>
      single.has(index) ? module.bodies[index - module.importedFunctions] : undefined;
    this.#names.onCall = (index) => this.#reach(index);
    this.#names.onTable = (type) => {
      for (const index of this.#tables) {
        if (index !== undefined && this.#typeOf(index) === type) {
          this.#reach(index);
        }
      }
    };
  }

  /** Whether `memory.grow` is in the code. */
  set usesGrowth(uses: boolean) {
    this.#names.usesGrowth = uses;
  }

  /** Throws EDGELESS_WASM_ABI or EDGELESS_WASM_TOO_LARGE. */
  write(): ModuleText {
    const exported = this.#exported();
    const start = this.#start();
    this.#noteOutside([...exported, ...this.#tables]);
    for (const index of [...exported, start]) {
      if (index !== undefined) {
        this.#reach(index);
      }
    }
    for (let next = this.#waiting.pop(); next !== undefined; next = this.#waiting.pop()) {
      this.#translate(next);
    }
    const facts = callFacts(this.#functions);
    const body = this.#body(facts, exported, start);
    const code = GlobalNames.shorten(body);
    if (code.length > this.#limits.maxTextBytes) {
      throw tooMuchText(this.#limits.maxTextBytes);
    }
    return { code, functions: this.#functions.size, callDepth: facts.depth };
  }

  /** Who calls these functions may give them anything. */
  #noteOutside(functions: readonly (number | undefined)[]): void {
    const { signs } = this.#names;
    for (const index of functions) {
      if (index !== undefined) {
        const { params } = this.#module.types[this.#module.functions[index] ?? 0] ?? { params: [] };
        for (const at of params.keys()) {
          signs.note(`${index} ${at}`, undefined);
        }
      }
    }
    for (const [index, [low]] of this.#constants.entries()) {
      signs.note(`global ${index}`, integer(low));
    }
  }

  /** The exports of the guest ABI in its order. */
  #exported(): (number | undefined)[] {
    return Object.keys(GUEST_EXPORTS).map((name) => this.#find(name));
  }

  /** The function with the top-level code. */
  #start(): number | undefined {
    return this.#module.start ?? this.#find(PREPARED_EXPORTS.start);
  }

  #find(name: string): number | undefined {
    return this.#module.exports.find((item) => item.kind === "function" && item.name === name)?.index;
  }

  /** The expression of a function that has little code and calls nothing, in the terms of its parameters. */
  #expression(index: number): Expression | undefined {
    if (this.#expressions.has(index)) {
      return this.#expressions.get(index);
    }
    this.#expressions.set(index, undefined);
    const body = this.#module.bodies[index - this.#module.importedFunctions];
    if (
      body === undefined ||
      body.end - body.start > MAX_INLINED_BYTES ||
      callsOrLoops(this.#module.bytes, body)
    ) {
      return undefined;
    }
    const { returned, parameters } = translateFunction(this.#module, index, body, this.#names, true);
    if (
      returned === undefined ||
      returned.text.length > MAX_INLINED_TEXT ||
      returned.writes.size > 0 ||
      // Where it is called, locals of its own would be locals of the caller.
      [...returned.reads].some((read) => read >= 0 && !parameters.includes(read))
    ) {
      return undefined;
    }
    const expression = { body: returned, parameters: parameters.map(slotName) };
    this.#expressions.set(index, expression);
    return expression;
  }

  #reach(index: number): void {
    this.#calls.add(index);
    if (index >= this.#module.importedFunctions && !this.#functions.has(index)) {
      this.#functions.set(index, { calls: new Set(), length: 0, parameters: "", body: "", argumentCount: 0 });
      this.#waiting.push(index);
    }
  }

  #translate(index: number): void {
    const body = this.#module.bodies[index - this.#module.importedFunctions];
    if (body === undefined) {
      throw new EdgelessError("EDGELESS_INTERNAL", `function ${index} has no code`);
    }
    this.#calls = new Set();
    this.#names.releaseSlots();
    const code = translateFunction(this.#module, index, body, this.#names);
    const written = this.#writeFunction(code);
    this.#functions.set(index, written);
    this.#length += written.length;
    if (this.#length > this.#limits.maxTextBytes) {
      throw tooMuchText(this.#limits.maxTextBytes);
    }
  }

  #writeFunction({ statements, id, parameters, zeros }: FunctionCode): WrittenFunction {
    const structured = new StructuredText({ exit: EXIT_NAME, turn: () => this.#names.turn() });
    const text = structured.write(statements, id);
    const used = slotCounts(text);
    const taken = new Set(parameters.map(slotName));
    const zero = new Map([...zeros].map(([slot, value]) => [slotName(slot), value]));
    const locals = [...used.keys()].filter((name) => name !== EXIT_NAME && !taken.has(name));
    const declared = locals.map((name) => (zero.has(name) ? `${name}=${zero.get(name)}` : name));
    if (structured.usesExit) {
      declared.push(`${EXIT_NAME}=0`);
    }
    const last = parameters.reduce((most, slot, at) => (used.has(slotName(slot)) ? at + 1 : most), 0);
    const names = parameters.slice(0, last).map(slotName).join();
    const body = `${declared.length > 0 ? `var ${declared.join()};` : ""}${text.replace(/;$/, "")}`;
    const whole = shortenSlots(`${names}\u0000${body}`);
    const [parameterText = "", bodyText = ""] = whole.split("\u0000");
    return {
      calls: this.#calls,
      length: bodyText.length,
      parameters: parameterText,
      body: bodyText,
      argumentCount: last,
    };
  }

  #body(facts: CallFacts, exported: readonly (number | undefined)[], start: number | undefined): string {
    const named = [...this.#functions].flatMap(([index, written]) => this.#function(index, written, facts));
    const forward = forwarders(named);
    const { put, pieces } = this.#dataTexts();
    const later = [...this.#tableTexts(), ...this.#floatGlobalTexts(), ...pieces].join("");
    const idle = new Set(named.filter(doesNothing).map(({ name }) => name));
    const exports = exported.map((index) => (index === undefined ? "" : this.#names.functionName(index)));
    const memory = this.#names.part("memory");
    const state = this.#module.exports.find(({ name }) => name === PREPARED_EXPORTS.state);
    const results = [memory, ...exports.map((name) => (name === "" || idle.has(name) ? "0" : name))];
    if (state !== undefined) {
      results.push(`s=>${this.#names.global(state.index)[0]}=s`);
    }
    const begin = start === undefined ? "" : this.#names.functionName(start);
    const counts = GlobalNames.counts([...named.map(({ body }) => body), later, ...results, begin].join());
    const once = named.find(({ name }) => name === begin && counts.get(name) === 1);
    const functions = named.filter(
      ({ name }) => !forward.has(name) && (counts.get(name) ?? 0) > 0 && name !== once?.name,
    );
    const bodies = this.#withoutRareHelpers([...functions.map(({ body }) => body), once?.body ?? ""]);
    const onceBody = bodies.pop() ?? "";
    const texts = functions.map(({ name, parameters }, at) =>
      functionText(name, parameters, bodies[at] ?? ""),
    );
    const globals = this.#globalTexts();
    const used = GlobalNames.counts([...bodies, onceBody].join());
    const parts = this.#partTexts().filter(
      (text) => !this.#rareHelpers().some(({ name }) => text.startsWith(name) && !used.has(name)),
    );
    // The views that have to be made anew are known when all parts are.
    const grow = this.#growText();
    const first = this.#names.parts.has("limit")
      ? [`${this.#names.part("limit")}=${this.#memory.bytes}`]
      : [];
    const rest = [later, onceBody, ...results].join();
    const declared = inOrderOfUse([...first, ...parts, ...globals, ...texts, ...grow, ...put], rest).join();
    const run = once !== undefined ? runOnce(onceBody) : begin === "" ? "" : `${begin}();`;
    const text = `(function(${this.#names.part("host")}){var ${declared};${later}${run}return[${results.join()}]})`;
    return [...text].map((character) => forward.get(character) ?? character).join("");
  }

  #function(
    index: number,
    { parameters, body }: WrittenFunction,
    { recursive, charged }: CallFacts,
  ): NamedFunction[] {
    const name = this.#names.functionName(index);
    const charge = charged.has(index) ? this.#names.turn() : "";
    if (!recursive.has(index)) {
      return [{ name, parameters, body: charge === "" ? body : `${charge};${body}` }];
    }
    const inner = this.#names.key(`inner ${index}`);
    const depth = this.#names.part("depth");
    return [
      { name: inner, parameters, body },
      {
        name,
        parameters,
        body:
          `${charge};if(++${depth}>${this.#limits.maxRecursion})${this.#names.trap("depth")};` +
          `var z9=${inner}(${parameters});${depth}--;return z9`,
      },
    ];
  }

  #typeOf(index: number): string {
    const type = this.#module.types[this.#module.functions[index] ?? 0];
    return functionTypeText(type ?? { params: [], results: [] });
  }

  #tableTexts(): string[] {
    return [...this.#names.usedTables].map((type) => {
      const entries = this.#tables.map((index) =>
        index !== undefined && this.#typeOf(index) === type ? this.#callable(index) : "0",
      );
      while (entries[entries.length - 1] === "0") {
        entries.pop();
      }
      return `${this.#names.key(`table ${type}`)}=[${entries.join()}];`;
    });
  }

  #callable(index: number): string {
    if (index >= this.#module.importedFunctions) {
      return this.#names.functionName(index);
    }
    throw new EdgelessError(
      "EDGELESS_WASM_ABI",
      `the function puts the import ${this.#module.imports[index]?.name ?? index} into a table, which cannot be translated for boards`,
    );
  }

  #globalTexts(): string[] {
    const texts: string[] = [];
    for (const index of this.#names.usedGlobals) {
      const [low = 0, high = 0] = this.#constants[index] ?? [];
      const [name, upper] = this.#names.global(index);
      texts.push(`${name}=${this.#isFloatGlobal(index) ? "0.0" : low}`);
      if (upper !== undefined) {
        texts.push(`${upper}=${high}`);
      }
    }
    for (let at = 2; at <= this.#names.mostResults; at += 1) {
      texts.push(`${this.#names.key(`result ${at}`)}=0`);
    }
    for (const type of this.#names.usedTables) {
      texts.push(this.#names.key(`table ${type}`));
    }
    if (this.#names.canGrow && this.#names.usesGrowth) {
      texts.push(`${this.#names.pages()}=${this.#memory.pages}`);
    }
    return texts;
  }

  #isFloatGlobal(index: number): boolean {
    const type = this.#module.globals[index]?.type;
    return type === ValueType.f32 || type === ValueType.f64;
  }

  /** Floats get their values after the functions are there, of which one may make an exact constant. */
  #floatGlobalTexts(): string[] {
    return [...this.#names.usedGlobals].flatMap((index) => {
      const [value = 0] = this.#constants[index] ?? [];
      if (!this.#isFloatGlobal(index) || Object.is(value, 0)) {
        return [];
      }
      const { text } = float(value, (helper) => this.#names.part(helper));
      return [`${this.#names.global(index)[0]}=${text};`];
    });
  }

  #dataTexts(): { put: string[]; pieces: string[] } {
    const pieces = dataPieces(this.#data);
    if (pieces.length === 0) {
      return { put: [], pieces: [] };
    }
    const name = this.#names.key("data");
    const usual = pieces.filter(({ step }) => step === 1).length * 2 > pieces.length ? 1 : 2;
    const body = `for(var i=0;i<s.length;i++)${this.#names.part("memory")}[p+i*(n||${usual})]=s.charCodeAt(i)`;
    return {
      put: [functionText(name, "p,s,n", body)],
      pieces: [
        ...pieces.map(
          ({ address, literal, step }) =>
            `${name}(${address},${literal}${step === usual ? "" : `,${step}`});`,
        ),
        // The variables of the function are free from now on.
        `${name}=0;`,
      ],
    };
  }

  /** The function behind `memory.grow`; `variables` are the views that have to be made anew. */
  #growText(): string[] {
    if (!this.#names.usesGrowFunction) {
      return [];
    }
    const grow = this.#names.memoryGrow();
    const { mostPages } = this.#memory;
    const count = this.#names.pages();
    const memory = this.#names.part("memory");
    const host = this.#names.part("host");
    const views = (["memory", "halves", "words"] as const)
      .filter((part) => this.#names.parts.has(part))
      .map(
        (part) =>
          `${declaration(part, this.#names.part(part), (other) => this.#names.part(other), this.#memory.end)};`,
      );
    const body =
      `var p=${count},m=${memory};n=n>>>0;if(n>${mostPages}-p)return -1;if(n){${count}=p+n;` +
      `${this.#names.part("limit")}=${count}*65536;${views.join("")}${memory}.set(m);${host}(${HostRequest.newMemory},${memory})}return p`;
    return [functionText(grow, "n", body)];
  }

  /** The used parts, each variable after those it depends on. */
  #partTexts(): string[] {
    const texts = new Map<Part, string>();
    const order: Part[] = [];
    const add = (part: Part) => {
      if (part === "limit" || part === "host" || texts.has(part)) {
        return;
      }
      texts.set(part, "");
      const needed: Part[] = [];
      const text = declaration(
        part,
        this.#names.part(part),
        (other) => {
          needed.push(other);
          return this.#names.part(other);
        },
        this.#memory.end,
      );
      for (const other of needed) {
        add(other);
      }
      texts.set(part, text);
      order.push(part);
    };
    for (const part of [...this.#names.parts]) {
      add(part);
    }
    return order.map((part) => texts.get(part) ?? "");
  }

  #withoutRareHelpers(bodies: readonly string[]): string[] {
    return withoutRareHelpers(bodies, this.#rareHelpers());
  }

  #rareHelpers(): RareHelper[] {
    const { parts } = this.#names;
    const helpers: RareHelper[] = [];
    if (parts.has("load8")) {
      const [memory, trap] = [this.#names.part("memory"), this.#names.trap("memory")];
      helpers.push({
        name: this.#names.part("load8"),
        // The name of the memory comes before a call that may make it another one.
        written: ([address = ""]) =>
          CALL.test(address) && this.#names.canGrow ? undefined : `${memory}[${address}]??${trap}`,
      });
    }
    if (parts.has("store8")) {
      const [memory, trap] = [this.#names.part("memory"), this.#names.trap("memory")];
      const limit = this.#names.part("limit");
      helpers.push({
        name: this.#names.part("store8"),
        written: ([address = "", value = ""]) =>
          /^\w+$/.test(address) && !CALL.test(value)
            ? `${memory}[${address}>=0&&${address}<${limit}?${address}:${trap}]=${value}`
            : undefined,
      });
    }
    return helpers;
  }
}

/** The functions that are called in one place, and that nothing else can call. */
function calledOnce(module: WasmModule): ReadonlySet<number> {
  const counts = new Map<number, number>();
  for (const { start, end } of module.bodies) {
    const instruction = new InstructionReader(new ByteReader(module.bytes, start, end));
    while (instruction.next()) {
      if (instruction.opcode === Op.call) {
        counts.set(instruction.index, (counts.get(instruction.index) ?? 0) + 1);
      }
    }
  }
  const others = [
    module.start,
    ...module.exports.filter(({ kind }) => kind === "function").map(({ index }) => index),
    ...module.elements.flatMap(({ functions }) => [...functions]),
  ];
  for (const index of others) {
    if (index !== undefined) {
      counts.delete(index);
    }
  }
  return new Set([...counts].filter(([, count]) => count === 1).map(([index]) => index));
}

function callsOrLoops(bytes: Uint8Array, { start, end }: FunctionBody): boolean {
  const instruction = new InstructionReader(new ByteReader(bytes, start, end));
  while (instruction.next()) {
    if ([Op.call, Op.callIndirect, Op.loop].some((opcode) => opcode === instruction.opcode)) {
      return true;
    }
  }
  return false;
}

function tooMuchText(limit: number): EdgelessError {
  return new EdgelessError(
    "EDGELESS_WASM_TOO_LARGE",
    `the translated function has more than ${limit} characters, which boards do not hold`,
  );
}

/** The functions in the table, as the active segments leave it. */
function tableOf(module: WasmModule, constants: readonly Constant[]): (number | undefined)[] {
  const table = new Array<number | undefined>(module.tables[0]?.min ?? 0).fill(undefined);
  for (const { mode, offset, functions } of module.elements) {
    if (mode === "active" && offset !== undefined) {
      const start = constantOffset(offset, constants);
      for (const [at, index] of functions.entries()) {
        table[start + at] = index;
      }
    }
  }
  return table;
}
