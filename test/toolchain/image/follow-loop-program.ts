import {
  type Expression,
  type LoopProgram,
  NARROW_LOCALS,
  type Statement,
  WIDE_LOCALS,
} from "./loop-program.js";

/** Functions inside each other beyond which a run is given up. */
const MAX_DEPTH = 200;

/** What a program does when each of its instructions is followed. */
export interface FollowedRun {
  /** `returned`, `trapped`, or `too long` when it was given up. */
  readonly end: "returned" | "trapped" | "too long" | "too deep";
  /** Instructions, without those that do nothing: the ends of constructs and their like. */
  readonly steps: number;
  readonly acc: number;
}

/** Control goes on after the construct with this number, counted from the innermost; its value, if it takes one. */
class Leaving {
  constructor(
    readonly label: number,
    readonly value: number,
  ) {}
}

const RETURNING = Number.POSITIVE_INFINITY;

class Ended extends Error {
  constructor(readonly end: "trapped" | "too long" | "too deep") {
    super(end);
  }
}

/** Follows a program instruction by instruction, at most `limit` of them. */
export function followLoopProgram(program: LoopProgram, limit: number): FollowedRun {
  let steps = 0;
  let acc = 0;
  let depth = 0;

  const count = (instructions: number) => {
    steps += instructions;
    if (steps > limit) throw new Ended("too long");
  };

  const call = (callee: number) => {
    if (++depth > MAX_DEPTH) throw new Ended("too deep");
    const locals = new Array<number>(NARROW_LOCALS).fill(0);
    const wide = new Array<bigint>(WIDE_LOCALS).fill(0n);

    /** A value, or where control goes instead. */
    const evaluate = (expression: Expression): number | Leaving => {
      switch (expression.kind) {
        case "constant":
          count(1);
          return expression.value;
        case "get":
          count(1);
          return locals[expression.local] ?? 0;
        case "getWide":
          count(2);
          return Number(BigInt.asIntN(32, wide[expression.local - NARROW_LOCALS] ?? 0n));
        case "acc":
          count(1);
          return acc;
        case "tee": {
          const value = evaluate(expression.value);
          if (value instanceof Leaving) return value;
          count(1);
          locals[expression.local] = value;
          return value;
        }
        case "not": {
          const value = evaluate(expression.value);
          if (value instanceof Leaving) return value;
          count(1);
          return Number(value === 0);
        }
        case "binary": {
          const a = evaluate(expression.a);
          if (a instanceof Leaving) return a;
          const b = evaluate(expression.b);
          if (b instanceof Leaving) return b;
          count(1);
          return expression.by.of(a, b);
        }
        case "block": {
          const left = run(expression.body) ?? evaluate(expression.value);
          if (!(left instanceof Leaving)) return left;
          return left.label === 0 ? left.value : new Leaving(left.label - 1, left.value);
        }
      }
    };

    const run = (body: readonly Statement[]): Leaving | undefined => {
      for (const statement of body) {
        const left = step(statement);
        if (left !== undefined) return left;
      }
      return undefined;
    };

    /** Control after a block: undefined when it goes on behind it. */
    const behind = (left: Leaving | undefined): Leaving | undefined =>
      left === undefined || left.label === 0 ? undefined : new Leaving(left.label - 1, left.value);

    const step = (statement: Statement): Leaving | undefined => {
      switch (statement.kind) {
        case "set": {
          const value = evaluate(statement.value);
          if (value instanceof Leaving) return value;
          count(1);
          locals[statement.local] = value;
          return undefined;
        }
        case "note": {
          count(3);
          const before = Math.imul(acc, 31);
          const value = evaluate(statement.value);
          if (value instanceof Leaving) return value;
          count(2);
          acc = (before + value) | 0;
          return undefined;
        }
        case "step": {
          count(4);
          const { local, by } = statement;
          if (local < NARROW_LOCALS) locals[local] = ((locals[local] ?? 0) + by) | 0;
          else
            wide[local - NARROW_LOCALS] = BigInt.asIntN(64, (wide[local - NARROW_LOCALS] ?? 0n) + BigInt(by));
          return undefined;
        }
        case "block":
          return behind(run(statement.body));
        case "loop":
          for (;;) {
            const left = run(statement.body);
            if (left?.label !== 0) return behind(left);
          }
        case "passing": {
          count(1);
          for (;;) {
            count(1);
            const left = run(statement.body);
            if (left === undefined) {
              count(2);
              return undefined;
            }
            if (left.label !== 0) return behind(left);
            locals[statement.local] = left.value;
          }
        }
        case "if": {
          const when = evaluate(statement.when);
          if (when instanceof Leaving) return when;
          count(1);
          return behind(run(when === 0 ? statement.other : statement.body));
        }
        case "br": {
          const value = statement.value === undefined ? 0 : evaluate(statement.value);
          if (value instanceof Leaving) return value;
          count(1);
          return new Leaving(statement.label, value);
        }
        case "brIf": {
          const when = evaluate(statement.when);
          if (when instanceof Leaving) return when;
          count(1);
          return when === 0 ? undefined : new Leaving(statement.label, 0);
        }
        case "brTable": {
          const at = evaluate(statement.at);
          if (at instanceof Leaving) return at;
          count(1);
          const { labels } = statement;
          return new Leaving(labels[Math.min(at >>> 0, labels.length - 1)] ?? 0, 0);
        }
        case "return":
          count(1);
          return new Leaving(RETURNING, 0);
        case "trap":
          count(1);
          throw new Ended("trapped");
        case "call":
        case "callIndirect":
          count(statement.kind === "call" ? 1 : 2);
          call(statement.callee);
          return undefined;
        case "fill": {
          count(2);
          const length = evaluate(statement.length);
          if (length instanceof Leaving) return length;
          count(1 + (length >>> 4));
          return undefined;
        }
      }
    };

    run(program[callee] ?? []);
    depth -= 1;
  };

  try {
    call(0);
    return { end: "returned", steps, acc };
  } catch (thrown) {
    if (thrown instanceof Ended) return { end: thrown.end, steps, acc };
    throw thrown;
  }
}
