import { GUEST_EXPORTS, type GuestImport } from "../../../toolchain/image/guest-abi.js";
import { ByteWriter } from "../../../toolchain/wasm/byte-writer.js";
import { Op, VOID_BLOCK } from "../../../toolchain/wasm/opcode.js";
import { type FunctionType, ValueType } from "../../../toolchain/wasm/value-type.js";
import { buildGuest, type GuestFunction, typeIndex, writeConstant } from "./guest-module.js";

const { i32, i64, f32, f64 } = ValueType;
const TYPES: readonly number[] = [i32, i64, f32, f64];
const IMPORTS: readonly GuestImport[] = ["call_asm", "call_raw_asm", "cast_asm"];
const GLOBALS: readonly number[] = [i32, i64, f32, f64, i32];

/** Where the globals and the results of the main function are written at the end. */
const RESULTS = 512;

/** Operations `(T, T) -> T`, `T -> T`, conversions to T, and memory access, by the type T. */
const BINARY = new Map<number, readonly number[]>([
  [i32, [0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x73, 0x74, 0x77, 0x48, 0x6d]],
  [i64, [0x7c, 0x7d, 0x7e, 0x83, 0x84, 0x85, 0x86, 0x89, 0x7f]],
  [f32, [0x92, 0x93, 0x94, 0x95, 0x96, 0x98]],
  [f64, [0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa6]],
]);
const CONVERSIONS = new Map<number, readonly (readonly [from: number, code: readonly number[]])[]>([
  [
    i32,
    [
      [i64, [0xa7]],
      [f32, [0xbc]],
      [f64, [0xfc, 2]],
      [i64, [0x50]],
      [i32, [0xc0]],
    ],
  ],
  [
    i64,
    [
      [i32, [0xac]],
      [f64, [0xbd]],
      [f32, [0xfc, 4]],
      [i64, [0xc3]],
    ],
  ],
  [
    f32,
    [
      [i32, [0xbe]],
      [f64, [0xb6]],
      [i64, [0xb4]],
      [f32, [0x8c]],
    ],
  ],
  [
    f64,
    [
      [i32, [0xb7]],
      [i64, [0xbf]],
      [f32, [0xbb]],
      [f64, [0x9f]],
    ],
  ],
]);
const LOADS = new Map<number, number>([
  [i32, 0x28],
  [i64, 0x29],
  [f32, 0x2a],
  [f64, 0x2b],
]);
const STORES = new Map<number, number>([
  [i32, 0x36],
  [i64, 0x37],
  [f32, 0x38],
  [f64, 0x39],
]);

/** Choices for a program; when they have run out every choice is the first, so that every program ends. */
class Tape {
  readonly #choices: readonly number[];
  #at = 0;

  constructor(choices: readonly number[]) {
    this.#choices = choices;
  }

  below(limit: number): number {
    const choice = this.#choices[this.#at] ?? 0;
    this.#at += 1;
    return choice % limit;
  }

  get spent(): boolean {
    return this.#at >= this.#choices.length;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) {
      throw new Error("nothing to pick from");
    }
    return item;
  }
}

interface Label {
  readonly types: readonly number[];
  /** Local that bounds the turns of a loop, absent for blocks. */
  readonly counter?: number;
}

/** Writes one random function; the operand stack is followed by construction. */
class RandomFunction {
  readonly #tape: Tape;
  readonly #types: FunctionType[];
  readonly #callable: readonly { readonly index: number; readonly type: FunctionType }[];
  readonly #indirect: readonly { readonly slot: number; readonly type: FunctionType }[];
  readonly #type: FunctionType;
  readonly #locals: number[] = [];
  readonly #labels: Label[] = [];
  /** Locals that bound the turns of loops, which nothing else may touch. */
  readonly #counters = new Set<number>();
  readonly #out = new ByteWriter();
  /** Whether the function calls nothing, so that it has tight loops. */
  #quiet = false;

  constructor(
    tape: Tape,
    types: FunctionType[],
    type: FunctionType,
    callable: readonly { index: number; type: FunctionType }[],
    indirect: readonly { slot: number; type: FunctionType }[],
  ) {
    this.#tape = tape;
    this.#types = types;
    this.#type = type;
    this.#callable = callable;
    this.#indirect = indirect;
  }

  build(): GuestFunction {
    this.#quiet = this.#tape.below(3) === 0;
    for (let count = this.#tape.below(6); count > 0; count -= 1) {
      this.#locals.push(this.#tape.pick(TYPES));
    }
    this.#labels.push({ types: this.#type.results });
    this.#statements(5);
    this.#values(this.#type.results, 4);
    this.#out.byte(Op.end);
    return { type: this.#type, locals: this.#locals, code: this.#out.bytes() };
  }

  #statements(depth: number): void {
    for (let count = this.#tape.below(4); count > 0; count -= 1) {
      this.#statement(depth - 1);
    }
  }

  #values(types: readonly number[], depth: number): void {
    for (const type of types) {
      this.#value(type, depth);
    }
  }

  #local(type: number): number | undefined {
    const all = [...this.#type.params, ...this.#locals];
    const fitting = [...all.keys()].filter((at) => all[at] === type && !this.#counters.has(at));
    return fitting.length === 0 ? undefined : this.#tape.pick(fitting);
  }

  #statement(depth: number): void {
    const out = this.#out;
    if (depth <= 0 || this.#tape.spent) {
      this.#callSite(depth);
      out.byte(Op.drop);
      return;
    }
    switch (this.#tape.below(15)) {
      case 0:
        this.#callSite(depth);
        out.byte(Op.drop);
        return;
      case 1: {
        const type = this.#tape.pick(TYPES);
        const local = this.#local(type);
        this.#value(type, depth);
        if (local === undefined) {
          out.byte(Op.drop);
        } else {
          out.byte(Op.localSet).u32(local);
        }
        return;
      }
      case 2: {
        const global = this.#tape.below(GLOBALS.length);
        this.#value(GLOBALS[global] ?? i32, depth);
        out.byte(Op.globalSet).u32(global);
        return;
      }
      case 3: {
        const type = this.#tape.pick(TYPES);
        this.#address(depth);
        this.#value(type, depth);
        out.code(STORES.get(type) ?? 0, 0, this.#tape.below(64));
        return;
      }
      case 4:
      case 5:
        this.#value(i32, depth);
        out.code(Op.if, VOID_BLOCK);
        this.#labels.push({ types: [] });
        this.#statements(depth);
        if (this.#tape.below(2) === 1) {
          out.byte(Op.else);
          this.#statements(depth);
        }
        this.#close();
        return;
      case 6: {
        const results = this.#someTypes(3);
        this.#block(Op.block, { params: this.#someTypes(2), results }, depth);
        this.#consume(results);
        return;
      }
      case 7:
      case 8: {
        const results = this.#someTypes(2);
        this.#loop({ params: this.#someTypes(2), results }, depth);
        this.#consume(results);
        return;
      }
      case 9:
        this.#branchIf(depth);
        return;
      case 10:
        this.#value(i32, depth);
        out.code(Op.if, VOID_BLOCK);
        this.#labels.push({ types: [] });
        this.#leave(depth);
        this.#statements(depth);
        this.#close();
        return;
      case 11:
        this.#leave(depth);
        return;
      case 12:
        this.#call(depth);
        return;
      case 13:
        this.#address(depth);
        this.#value(i32, depth);
        this.#length();
        out.code(0xfc, 11, 0);
        return;
      default:
        this.#address(depth);
        this.#address(depth);
        this.#length();
        out.code(0xfc, 10, 0, 0);
    }
  }

  #value(type: number, depth: number): void {
    const out = this.#out;
    if (depth <= 0 || this.#tape.spent) {
      this.#leaf(type);
      return;
    }
    switch (this.#tape.below(13)) {
      case 0:
      case 1:
        this.#leaf(type);
        return;
      case 2:
      case 3:
        this.#value(type, depth - 1);
        this.#value(type, depth - 1);
        out.byte(this.#tape.pick(BINARY.get(type) ?? []));
        return;
      case 4: {
        const [from, code] = this.#tape.pick(CONVERSIONS.get(type) ?? []);
        this.#value(from, depth - 1);
        out.code(...code);
        return;
      }
      case 5:
        this.#address(depth - 1);
        out.code(LOADS.get(type) ?? 0, 0, this.#tape.below(64));
        return;
      case 6:
        this.#block(Op.block, { params: this.#someTypes(2), results: [type] }, depth - 1);
        return;
      case 7:
        this.#value(i32, depth - 1);
        out.code(Op.if, type);
        this.#labels.push({ types: [type] });
        this.#statements(depth - 1);
        this.#value(type, depth - 1);
        out.byte(Op.else);
        this.#statements(depth - 1);
        this.#value(type, depth - 1);
        this.#close();
        return;
      case 8:
        this.#loop({ params: this.#someTypes(2), results: [type] }, depth - 1);
        return;
      case 9:
        this.#value(type, depth - 1);
        this.#value(type, depth - 1);
        this.#value(i32, depth - 1);
        out.byte(Op.select);
        return;
      case 10: {
        const local = this.#local(type);
        this.#value(type, depth - 1);
        if (local !== undefined) {
          out.byte(Op.localTee).u32(local);
        }
        return;
      }
      default:
        if (type === i32) {
          this.#callSite(depth - 1);
        } else {
          this.#callFor(type, depth - 1);
        }
    }
  }

  #leaf(type: number): void {
    const local = this.#local(type);
    if (local !== undefined && this.#tape.below(2) === 0) {
      this.#out.byte(Op.localGet).u32(local);
    } else if (this.#tape.below(4) === 0) {
      this.#out.byte(Op.globalGet).u32(GLOBALS.indexOf(type));
    } else {
      writeConstant(this.#out, type, this.#tape.below(100) - 20);
    }
  }

  #address(depth: number): void {
    this.#value(i32, depth - 2);
    this.#out.code(Op.i32Const).s32(0xff).byte(0x71);
  }

  #length(): void {
    this.#out.byte(Op.i32Const).s32(this.#tape.below(40));
  }

  #someTypes(limit: number): number[] {
    const types: number[] = [];
    for (let count = this.#tape.below(limit); count > 0; count -= 1) {
      types.push(this.#tape.pick(TYPES));
    }
    return types;
  }

  /** A call in which the guest waits; in a quiet function some other i32. */
  #callSite(depth: number): void {
    if (this.#quiet) {
      this.#leaf(i32);
      return;
    }
    this.#values([i32, i32, i32, i32, i32, i32], Math.min(depth, 2));
    this.#out.byte(Op.call).u32(this.#tape.below(2));
  }

  /** A call of a function with a result of the type, or a leaf when there is none. */
  #callFor(type: number, depth: number): void {
    const fitting = this.#callable.filter(
      ({ type: { results } }) => results.length === 1 && results[0] === type,
    );
    if (fitting.length === 0 || this.#quiet) {
      this.#leaf(type);
      return;
    }
    const { index, type: called } = this.#tape.pick(fitting);
    this.#values(called.params, depth);
    this.#out.byte(Op.call).u32(index);
  }

  #call(depth: number): void {
    if (this.#quiet) {
      return;
    }
    if (this.#indirect.length > 0 && this.#tape.below(2) === 0) {
      const { slot, type } = this.#tape.pick(this.#indirect);
      this.#values(type.params, depth);
      this.#value(i32, depth - 1);
      this.#out.code(Op.i32Const, 0, 0x71, Op.i32Const).s32(slot).byte(Op.i32Or);
      this.#out.byte(Op.callIndirect).u32(typeIndex(this.#types, type)).byte(0);
      this.#consume(type.results);
    } else if (this.#callable.length > 0) {
      const { index, type } = this.#tape.pick(this.#callable);
      this.#values(type.params, depth);
      this.#out.byte(Op.call).u32(index);
      this.#consume(type.results);
    } else {
      this.#values([i32, i32, i32, i32], 1);
      this.#out.byte(Op.call).u32(IMPORTS.indexOf("cast_asm"));
    }
  }

  #blockType(type: FunctionType): void {
    if (type.params.length === 0 && type.results.length < 2) {
      this.#out.byte(type.results[0] ?? VOID_BLOCK);
      return;
    }
    this.#out.s32(typeIndex(this.#types, type));
  }

  #block(opcode: number, type: FunctionType, depth: number): void {
    this.#values(type.params, depth - 1);
    this.#out.byte(opcode);
    this.#blockType(type);
    this.#labels.push({ types: type.results });
    this.#consume(type.params);
    this.#statements(depth);
    this.#values(type.results, depth - 1);
    this.#close();
  }

  #loop(type: FunctionType, depth: number): void {
    const counter = this.#type.params.length + this.#locals.push(i32) - 1;
    this.#counters.add(counter);
    this.#out
      .byte(Op.i32Const)
      .s32(1 + this.#tape.below(3))
      .byte(Op.localSet)
      .u32(counter);
    this.#values(type.params, depth - 1);
    this.#out.byte(Op.loop);
    this.#blockType(type);
    this.#labels.push({ types: type.params, counter });
    this.#consume(type.params);
    this.#statements(depth);
    if (this.#tape.below(4) !== 0) {
      this.#values(type.params, depth - 2);
      this.#turn(counter);
      this.#out.byte(Op.brIf).u32(0);
      this.#consume(type.params);
    }
    this.#values(type.results, depth - 1);
    this.#close();
  }

  /** Whether a loop may turn again: its counter, one less, is positive. */
  #turn(counter: number): void {
    this.#out.byte(Op.localGet).u32(counter).code(Op.i32Const, 1, Op.i32Sub, Op.localTee).u32(counter);
    this.#out.code(Op.i32Const, 0, 0x4a);
  }

  #branchIf(depth: number): void {
    const label = this.#tape.below(this.#labels.length);
    const { types, counter } = this.#labels[this.#labels.length - 1 - label] ?? { types: [] };
    this.#values(types, depth - 1);
    if (counter === undefined) {
      this.#value(i32, depth - 1);
    } else {
      this.#turn(counter);
    }
    this.#out.byte(Op.brIf).u32(label);
    this.#consume(types);
  }

  /** An unconditional branch; what is written after it is dead code. */
  #leave(depth: number): void {
    const out = this.#out;
    const forward = [...this.#labels.keys()].filter((at) => this.#labels[at]?.counter === undefined);
    const target = this.#labels[this.#tape.pick(forward)] ?? { types: [] };
    const labelOf = (label: Label) => this.#labels.length - 1 - this.#labels.indexOf(label);
    switch (this.#tape.below(4)) {
      case 0:
        this.#values(this.#type.results, depth - 1);
        out.byte(Op.return);
        break;
      case 1: {
        const same = this.#labels.filter(
          ({ types, counter }) => counter === undefined && String(types) === String(target.types),
        );
        this.#values(target.types, depth - 1);
        this.#value(i32, depth - 1);
        out.byte(Op.brTable).u32(same.length);
        for (const label of [...same, target]) {
          out.u32(labelOf(label));
        }
        break;
      }
      default:
        this.#values(target.types, depth - 1);
        out.byte(Op.br).u32(labelOf(target));
    }
    if (this.#tape.below(2) === 0) {
      this.#callSite(1);
      out.byte(Op.drop);
    }
  }

  #close(): void {
    this.#labels.pop();
    this.#out.byte(Op.end);
  }

  /** Takes values of these types from the stack, into locals where there are some. */
  #consume(types: readonly number[]): void {
    for (const type of [...types].reverse()) {
      const local = this.#tape.below(2) === 0 ? this.#local(type) : undefined;
      if (local === undefined) {
        this.#out.byte(Op.drop);
      } else {
        this.#out.byte(Op.localSet).u32(local);
      }
    }
  }
}

/**
 * A random guest whose `handle_init_asm` runs a few random functions that call each other, wait in calls anywhere, and
 * end after a bounded number of turns; at the end it stores results and globals in memory. `starts`: its start function does the
 * same before, and the memory cannot grow.
 */
export function randomProgram(
  choices: readonly number[],
  options: { readonly starts?: boolean } = {},
): Uint8Array {
  const tape = new Tape(choices);
  const types: FunctionType[] = [];
  const count = 1 + tape.below(5);
  const signatures: FunctionType[] = [];
  for (let at = 0; at < count; at += 1) {
    const params = Array.from({ length: tape.below(4) }, () => tape.pick(TYPES));
    const results = Array.from({ length: tape.below(3) }, () => tape.pick(TYPES));
    signatures.push({ params, results });
  }
  const functions = signatures.map((type, at) => {
    const later = [...signatures.entries()].filter(([other]) => other > at);
    return new RandomFunction(
      tape,
      types,
      type,
      later.map(([other, called]) => ({ index: IMPORTS.length + other, type: called })),
      later.map(([slot, called]) => ({ slot, type: called })),
    ).build();
  });
  const main = new ByteWriter();
  const [first = { params: [], results: [] }] = signatures;
  for (const [at, type] of first.params.entries()) {
    writeConstant(main, type, at + 1);
  }
  main.byte(Op.call).u32(IMPORTS.length);
  for (const [at, type] of [...first.results].reverse().entries()) {
    main.byte(Op.localSet).u32(4 + TYPES.indexOf(type));
    main.code(Op.i32Const).s32(RESULTS + 8 * at);
    main.byte(Op.localGet).u32(4 + TYPES.indexOf(type));
    main.code(STORES.get(type) ?? 0, 0, 0);
  }
  for (const [at, type] of GLOBALS.entries()) {
    main
      .code(Op.i32Const)
      .s32(RESULTS + 64 + 8 * at)
      .byte(Op.globalGet)
      .u32(at);
    main.code(STORES.get(type) ?? 0, 0, 0);
  }
  main.byte(Op.end);
  functions.push({ type: GUEST_EXPORTS.handle_init_asm, locals: [...TYPES], code: main.bytes() });
  const once = new ByteWriter();
  for (const value of [0, 0, 0, 0]) {
    writeConstant(once, i32, value);
  }
  once
    .byte(Op.call)
    .u32(IMPORTS.length + count)
    .byte(Op.end);
  functions.push({ type: { params: [], results: [] }, code: once.bytes() });
  return buildGuest(
    {
      imports: IMPORTS,
      functions,
      handlers: { handle_init_asm: count },
      globals: GLOBALS,
      ...(options.starts === true ? { start: count + 1, pages: [1, 1] as const } : {}),
      table: signatures.map((_, at) => at),
    },
    types,
  );
}
