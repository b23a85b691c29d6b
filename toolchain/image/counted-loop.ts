import type { InstructionReader } from "../wasm/instruction-reader.js";
import { Op, VOID_BLOCK } from "../wasm/opcode.js";

/**
 * A loop over a counter, as compilers write it:
 * `loop; counter < limit; if; ...; counter = counter + 1; br loop; end; end`, where nothing else sets the counter,
 * nothing sets what the limit is made of, and nothing else goes on with the next turn. It ends, and how many turns it has
 * is known when it begins.
 */
export interface CountedLoop {
  /** Local of the counter. */
  readonly counter: number;
  /** The code of the limit, as offsets. */
  readonly limit: { readonly start: number; readonly end: number };
  /** The comparison `counter < limit`: i32.lt_s or i32.lt_u. */
  readonly comparison: number;
  /** Offset after the `if`. */
  readonly body: number;
  /** Instructions up to the `if`, which are also executed when there is no turn. */
  readonly headCost: number;
  /** Turns, when the counter begins at a constant and the limit is one. */
  readonly turns: number | undefined;
}

/** Most instructions before the `if`. */
const MAX_HEAD = 8;

/** Comparisons that begin a turn, as `counter < limit` and with the sides exchanged. */
const LESS: ReadonlySet<number> = new Set([Op.i32LtS, Op.i32LtU]);
const GREATER: ReadonlyMap<number, number> = new Map([
  [Op.i32GtS, Op.i32LtS],
  [Op.i32GtU, Op.i32LtU],
]);

/** What a limit may be computed with, besides constants and locals. */
const ARITHMETIC: ReadonlySet<number> = new Set([
  Op.i32Add,
  Op.i32Sub,
  Op.i32Mul,
  Op.i32And,
  Op.i32Or,
  Op.i32Shl,
  Op.i32ShrU,
]);

interface Instruction {
  readonly opcode: number;
  readonly index: number;
  readonly start: number;
  readonly end: number;
}

/** A counter that was set to a constant just before the loop. */
export interface CounterStart {
  readonly local: number;
  readonly value: number;
}

/**
 * Follows the instructions of one loop and finds out whether it is a {@link CountedLoop}. It costs a bounded number of
 * steps for each of them, however the module was made.
 */
export class CountedLoopFinder {
  readonly #start: CounterStart | undefined;
  #head: Instruction[] | undefined = [];
  #found: CountedLoop | undefined;
  /** Locals that the limit is made of. */
  #inputs: readonly number[] = [];
  #sets = 0;
  #returns = 0;
  #isClosed = false;

  constructor(blockType: number, start: CounterStart | undefined) {
    this.#start = start;
    if ((blockType & 0x7f) !== VOID_BLOCK || blockType >= 0) {
      this.fail();
    }
  }

  /** Whether it may still be a counted loop. */
  get alive(): boolean {
    return this.#head !== undefined || this.#found !== undefined;
  }

  /** The locals to be told about in {@link set}. */
  get watched(): readonly number[] {
    return this.#found === undefined ? [] : [this.#found.counter, ...this.#inputs];
  }

  fail(): void {
    this.#head = undefined;
    this.#found = undefined;
  }

  /** The next instruction directly in the loop; true when it is the `if` that begins the turn. */
  next({ opcode, index, start, end, blockType }: InstructionReader): boolean {
    const head = this.#head;
    if (head === undefined) {
      // After the end of the turn nothing may follow.
      this.fail();
      return false;
    }
    if (opcode === Op.if && (blockType & 0x7f) === VOID_BLOCK && blockType < 0) {
      this.#head = undefined;
      this.#found = this.#readHead(head, end);
      return this.#found !== undefined;
    }
    head.push({ opcode, index, start, end });
    if (head.length > MAX_HEAD) {
      this.fail();
    }
    return false;
  }

  /** A local that is watched is set. */
  set(local: number): void {
    if (local !== this.#found?.counter || this.#inputs.includes(local) || ++this.#sets > 1) {
      this.fail();
    }
  }

  /** A branch to the loop. */
  continued(): void {
    if (++this.#returns > 1) {
      this.fail();
    }
  }

  /** The turn ends; `last` are the five instructions before its end, oldest first. */
  endTurn(last: readonly { readonly opcode: number; readonly index: number }[]): void {
    const counter = this.#found?.counter;
    const expected: readonly (readonly [number, number | undefined])[] = [
      [Op.localGet, counter],
      [Op.i32Const, 1],
      [Op.i32Add, undefined],
      [Op.localSet, counter],
      [Op.br, 1],
    ];
    const matches = expected.every(([opcode, index], at) => {
      const found = last[at];
      return found?.opcode === opcode && (index === undefined || found.index === index);
    });
    this.#isClosed = true;
    if (!matches || this.#sets !== 1 || this.#returns !== 1) {
      this.fail();
    }
  }

  /** What was found, when the loop has ended. */
  result(): CountedLoop | undefined {
    return this.#isClosed ? this.#found : undefined;
  }

  #readHead(head: readonly Instruction[], body: number): CountedLoop | undefined {
    const comparison = head[head.length - 1];
    if (comparison === undefined || head.length < 3) {
      return undefined;
    }
    const exchanged = GREATER.get(comparison.opcode);
    const counter = exchanged === undefined ? head[0] : head[head.length - 2];
    const limit = exchanged === undefined ? head.slice(1, -1) : head.slice(0, -2);
    const isComparison = exchanged !== undefined || LESS.has(comparison.opcode);
    const [first] = limit;
    const last = limit[limit.length - 1];
    if (!isComparison || counter?.opcode !== Op.localGet || first === undefined || last === undefined) {
      return undefined;
    }
    if (!isClosedExpression(limit)) {
      return undefined;
    }
    this.#inputs = limit.filter(({ opcode }) => opcode === Op.localGet).map(({ index }) => index);
    const opcode = exchanged ?? comparison.opcode;
    const begin = this.#start;
    const isConstant = limit.length === 1 && first.opcode === Op.i32Const && begin?.local === counter.index;
    return {
      counter: counter.index,
      limit: { start: first.start, end: last.end },
      comparison: opcode,
      body,
      headCost: head.length + 1,
      turns: isConstant && begin !== undefined ? turnsOf(begin.value, first.index, opcode) : undefined,
    };
  }
}

/** Whether instructions compute one value from constants and locals alone. */
function isClosedExpression(instructions: readonly Instruction[]): boolean {
  let height = 0;
  for (const { opcode } of instructions) {
    if (opcode === Op.localGet || opcode === Op.i32Const) {
      height += 1;
    } else if (ARITHMETIC.has(opcode) && height >= 2) {
      height -= 1;
    } else {
      return false;
    }
  }
  return height === 1;
}

function turnsOf(from: number, to: number, comparison: number): number {
  return Math.max(0, comparison === Op.i32LtU ? (to >>> 0) - (from >>> 0) : to - from);
}
