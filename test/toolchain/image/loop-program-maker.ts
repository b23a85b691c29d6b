import {
  ADD,
  ARITHMETIC,
  COMPARISONS,
  type Expression,
  type LoopProgram,
  NARROW_LOCALS,
  type Statement,
  WIDE_LOCALS,
} from "./loop-program.js";

/** Makes programs of loops in many shapes, also such that never end. */
export class LoopProgramMaker {
  readonly #below: (limit: number) => number;
  /** How many values a branch to each of the open constructs takes, innermost last. */
  #labels: number[] = [];
  #budget = 0;
  #functions = 1;

  /** @param below a number from 0, below the limit */
  constructor(below: (limit: number) => number) {
    this.#below = below;
  }

  make(): LoopProgram {
    this.#functions = 1 + this.#below(3);
    return Array.from({ length: this.#functions }, () => {
      this.#labels = [0];
      this.#budget = 4 + this.#below(26);
      return this.#statements(4);
    });
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[this.#below(items.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }

  #statements(depth: number): Statement[] {
    return Array.from({ length: 1 + this.#below(3) }, () => this.#statement(depth));
  }

  #inside(arity: number, depth: number): Statement[] {
    this.#labels.push(arity);
    const body = this.#statements(depth - 1);
    this.#labels.pop();
    return body;
  }

  #statement(depth: number): Statement {
    this.#budget -= 1;
    if (depth <= 0 || this.#budget < 0) return { kind: "note", value: this.#expression(1) };
    switch (this.#below(22)) {
      case 0:
        return { kind: "set", local: this.#below(NARROW_LOCALS), value: this.#expression(2) };
      case 1:
        return { kind: "block", body: this.#inside(0, depth) };
      case 2:
        return { kind: "loop", body: this.#inside(0, depth) };
      case 3:
        return { kind: "passing", local: this.#below(NARROW_LOCALS), body: this.#inside(1, depth) };
      case 4:
      case 5:
        return this.#if(depth);
      case 6:
        return this.#branch();
      case 7:
        return this.#branchIf();
      case 8:
        return { kind: "brTable", labels: this.#someLabels(), at: this.#expression(2) };
      case 9:
        return this.#below(6) === 0 ? { kind: "trap" } : { kind: "return" };
      case 10:
        return { kind: "call", callee: this.#below(this.#functions) };
      case 11:
        return { kind: "callIndirect", callee: this.#below(this.#functions) };
      case 12:
        return {
          kind: "fill",
          length: {
            kind: "binary",
            by: ARITHMETIC[3] ?? ADD,
            a: this.#expression(1),
            b: { kind: "constant", value: 1023 },
          },
        };
      case 13:
        return this.#wideLoop(depth);
      case 14:
        return this.#untilLoop(depth);
      case 15:
        return this.#tightLoop();
      case 16:
        return { kind: "note", value: this.#expression(3) };
      default:
        return this.#countedLoop(depth);
    }
  }

  #if(depth: number): Statement {
    const when = this.#condition();
    const body = this.#inside(0, depth);
    return { kind: "if", when, body, other: this.#below(3) === 0 ? this.#inside(0, depth) : [] };
  }

  #condition(): Expression {
    return { kind: "binary", by: this.#pick(COMPARISONS), a: this.#expression(2), b: this.#expression(1) };
  }

  #branch(): Statement {
    const label = this.#below(this.#labels.length);
    const arity = this.#labels[this.#labels.length - 1 - label];
    return arity === 0 ? { kind: "br", label } : { kind: "br", label, value: this.#expression(1) };
  }

  #branchIf(): Statement {
    return { kind: "brIf", label: this.#pick(this.#plainLabels()), when: this.#condition() };
  }

  #someLabels(): number[] {
    const plain = this.#plainLabels();
    return Array.from({ length: 1 + this.#below(4) }, () => this.#pick(plain));
  }

  #plainLabels(): number[] {
    const innermost = this.#labels.length - 1;
    return this.#labels.flatMap((arity, at) => (arity === 0 ? [innermost - at] : []));
  }

  /** What compilers write for a loop over a counter, and what is nearly that. */
  #countedLoop(depth: number): Statement {
    const counter = this.#below(NARROW_LOCALS);
    const isBegun = this.#below(3) > 0;
    if (isBegun) this.#labels.push(0);
    const loop = this.#turns(counter, depth);
    if (!isBegun) return loop;
    this.#labels.pop();
    const start: Expression = { kind: "constant", value: this.#number() };
    return { kind: "block", body: [{ kind: "set", local: counter, value: start }, loop] };
  }

  #turns(counter: number, depth: number): Statement {
    const odd = this.#below(8);
    this.#labels.push(0);
    const first = odd === 5 ? [this.#statement(0)] : [];
    const limit = this.#limit();
    const at: Expression = { kind: "get", local: counter };
    const exchanged = this.#below(3) === 0;
    const usual = COMPARISONS[this.#below(2) + (exchanged ? 2 : 0)] ?? ADD;
    const by = odd === 1 ? this.#pick(COMPARISONS) : usual;
    const [a, b] = exchanged ? [limit, at] : [at, limit];
    this.#labels.push(0);
    const body = this.#below(4) === 0 ? [] : this.#statements(depth - 1);
    const other = odd === 4 ? [this.#statement(0)] : [];
    this.#labels.pop();
    const after = odd === 2 ? [this.#statement(0)] : [];
    this.#labels.pop();
    const step: Statement = { kind: "step", local: counter, by: odd === 3 ? this.#below(5) - 2 : 1 };
    const turn: Statement = {
      kind: "if",
      when: { kind: "binary", by, a, b },
      body: [...body, step, { kind: "br", label: 1 }],
      other,
    };
    return { kind: "loop", body: [...first, turn, ...after] };
  }

  #limit(): Expression {
    switch (this.#below(3)) {
      case 0:
        return { kind: "constant", value: this.#number() };
      case 1:
        return { kind: "get", local: this.#below(NARROW_LOCALS) };
      default:
        return this.#expression(2);
    }
  }

  /** `loop; ...; counter = counter + 1; br_if; end`. */
  #untilLoop(depth: number): Statement {
    const local = this.#below(NARROW_LOCALS);
    this.#labels.push(0);
    const body = this.#statements(depth - 1);
    const at: Expression = { kind: "get", local };
    const one: Expression = { kind: "constant", value: 1 };
    const next: Expression = { kind: "tee", local, value: { kind: "binary", by: ADD, a: at, b: one } };
    const when: Expression = {
      kind: "binary",
      by: this.#pick(COMPARISONS),
      a: next,
      b: this.#expression(1),
    };
    this.#labels.pop();
    return { kind: "loop", body: [...body, { kind: "brIf", label: 0, when }] };
  }

  /** A loop short enough to be written several times in a row. */
  #tightLoop(): Statement {
    this.#labels.push(0);
    const body = Array.from({ length: 1 + this.#below(3) }, (): Statement => {
      switch (this.#below(5)) {
        case 0:
          return { kind: "step", local: this.#below(NARROW_LOCALS), by: this.#below(5) - 2 };
        case 1:
          return this.#branchIf();
        case 2:
          return { kind: "brTable", labels: this.#someLabels(), at: this.#expression(1) };
        case 3: {
          const when = this.#condition();
          return {
            kind: "if",
            when,
            body: [this.#below(2) === 0 ? { kind: "return" } : { kind: "note", value: this.#expression(1) }],
            other: [],
          };
        }
        default:
          return { kind: "note", value: this.#expression(1) };
      }
    });
    const again: Statement = { kind: "brIf", label: 0, when: this.#condition() };
    this.#labels.pop();
    return { kind: "loop", body: [...body, again] };
  }

  /** A loop over a counter of 64 bits. */
  #wideLoop(depth: number): Statement {
    const local = NARROW_LOCALS + this.#below(WIDE_LOCALS);
    this.#labels.push(0, 0);
    const body = this.#statements(depth - 1);
    this.#labels.pop();
    this.#labels.pop();
    const when: Expression = {
      kind: "binary",
      by: COMPARISONS[0] ?? ADD,
      a: { kind: "getWide", local },
      b: { kind: "constant", value: this.#below(30) },
    };
    return {
      kind: "loop",
      body: [
        {
          kind: "if",
          when,
          body: [...body, { kind: "step", local, by: 1 }, { kind: "br", label: 1 }],
          other: [],
        },
      ],
    };
  }

  #number(): number {
    switch (this.#below(6)) {
      case 0:
        return (0x7fffffff + this.#below(40) - 20) | 0;
      case 1:
        return this.#below(4000);
      case 2:
        return this.#below(100_000) - 50_000;
      default:
        return this.#below(40) - 10;
    }
  }

  #expression(depth: number): Expression {
    if (depth <= 0 || this.#below(2) === 0) {
      switch (this.#below(4)) {
        case 0:
          return { kind: "constant", value: this.#number() };
        case 1:
          return { kind: "acc" };
        default:
          return { kind: "get", local: this.#below(NARROW_LOCALS) };
      }
    }
    switch (this.#below(7)) {
      case 0:
        return { kind: "not", value: this.#expression(depth - 1) };
      case 1:
        return { kind: "tee", local: this.#below(NARROW_LOCALS), value: this.#expression(depth - 1) };
      case 2: {
        this.#labels.push(1);
        const body = this.#below(2) === 0 ? [this.#statement(1)] : [];
        const value = this.#expression(depth - 1);
        this.#labels.pop();
        return { kind: "block", body, value };
      }
      case 3:
        return this.#condition();
      default:
        return {
          kind: "binary",
          by: this.#pick(ARITHMETIC),
          a: this.#expression(depth - 1),
          b: this.#expression(depth - 1),
        };
    }
  }
}
