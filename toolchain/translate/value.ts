/** Precedence of JavaScript operators, as far as the translation uses them; higher binds tighter. */
export const Precedence = {
  comma: 1,
  assignment: 2,
  conditional: 3,
  or: 4,
  and: 5,
  bitOr: 6,
  bitXor: 7,
  bitAnd: 8,
  equality: 9,
  relation: 10,
  shift: 11,
  addition: 12,
  multiplication: 13,
  unary: 14,
  primary: 20,
} as const;

/** What an expression depends on or changes, beside the slots of locals, which are numbered from 0. */
export const Effect = {
  memory: -1,
  /** Anything that can be seen from outside, and so the moment of a trap. */
  world: -2,
  allGlobals: -3,
} as const;

/** The effect number of one global. */
export function globalEffect(index: number): number {
  return -10 - index;
}

export type Effects = ReadonlySet<number>;

export const NO_EFFECTS: Effects = new Set();
export const TRAPS: Effects = new Set([Effect.world]);
export const LOADS: Effects = new Set([Effect.memory, Effect.world]);
export const STORES: Effects = new Set([Effect.memory]);
export const CALLS: Effects = new Set([Effect.memory, Effect.world, Effect.allGlobals]);

/** Text of an expression with the precedence of its outermost operator. */
export interface Text {
  readonly text: string;
  readonly precedence: number;
}

/** A JavaScript expression for one number: an i32, a float, or one half of an i64. */
export interface Value extends Text {
  /** How deep operators and calls are inside each other; the interpreter's own stack bounds it. */
  readonly depth: number;
  /** Bounds of the number. For an i32 it may be any number that is congruent to it modulo 2^32. */
  readonly low: number;
  readonly high: number;
  /** Whether it may be a boolean or a negative zero instead of the number it stands for. */
  readonly loose: boolean;
  /** What is zero, or false, exactly when the value is, in fewer characters. */
  readonly test?: Text;
  /** The opposite condition, of a comparison. */
  readonly inverse?: Text;
  readonly reads: Effects;
  readonly writes: Effects;
  /** The slot, when it is nothing but a local. */
  readonly slot?: number;
  /** The slot, or by its effect the global, that has this value after the expression. */
  readonly holds?: number;
  /** The number, when it is known. */
  readonly constant?: number;
}

const LOWEST = -(2 ** 31);
const HIGHEST = 2 ** 31 - 1;

/** Largest magnitude up to which sums and products of integers are exact. */
export const EXACT = 2 ** 53;

/** Bounds of a float. */
export const ANY_NUMBER: readonly [number, number] = [-Infinity, Infinity];

/** An expression that is one token or ends with brackets, with the bounds of an i32 unless given. */
export function primary(
  text: string,
  effects: { readonly reads?: Effects; readonly writes?: Effects; readonly depth?: number } = {},
  bounds: readonly [low: number, high: number] = [LOWEST, HIGHEST],
): Value {
  return {
    text,
    precedence: Precedence.primary,
    depth: effects.depth ?? 0,
    low: bounds[0],
    high: bounds[1],
    loose: false,
    reads: effects.reads ?? NO_EFFECTS,
    writes: effects.writes ?? NO_EFFECTS,
  };
}

/** An integer that is known. */
export function integer(value: number): Value {
  const precedence = value < 0 ? Precedence.unary : Precedence.primary;
  return { ...primary(String(value), {}, [value, value]), precedence, constant: value };
}

/** The text, in brackets where its operator binds less than what is around it. */
export function within({ text, precedence }: Text, least: number): string {
  return precedence < least ? `(${text})` : text;
}

/** The union of effects. */
export function merge(...sets: readonly Effects[]): Effects {
  const filled = sets.filter(({ size }) => size > 0);
  return filled.length < 2 ? (filled[0] ?? NO_EFFECTS) : new Set(filled.flatMap((set) => [...set]));
}

/** What an expression of several parts depends on, changes, and how deep it is. */
export function combine(...parts: readonly Value[]): Pick<Value, "reads" | "writes" | "depth"> {
  return {
    reads: merge(...parts.map(({ reads }) => reads)),
    writes: merge(...parts.map(({ writes }) => writes)),
    depth: 1 + Math.max(0, ...parts.map(({ depth }) => depth)),
  };
}

const OPERATORS: Readonly<Record<string, number>> = {
  "*": Precedence.multiplication,
  "/": Precedence.multiplication,
  "%": Precedence.multiplication,
  "+": Precedence.addition,
  "-": Precedence.addition,
  "<<": Precedence.shift,
  ">>": Precedence.shift,
  ">>>": Precedence.shift,
  "<": Precedence.relation,
  ">": Precedence.relation,
  "<=": Precedence.relation,
  ">=": Precedence.relation,
  "==": Precedence.equality,
  "!=": Precedence.equality,
  "&": Precedence.bitAnd,
  "^": Precedence.bitXor,
  "|": Precedence.bitOr,
};

/** `left operator right`, with bounds that the caller knows. */
export function binary(
  left: Value,
  operator: string,
  right: Value,
  bounds: readonly [low: number, high: number] = [LOWEST, HIGHEST],
): Value {
  const precedence = OPERATORS[operator] ?? 0;
  const leftText = within(left, precedence);
  let rightText = within(right, precedence + 1);
  // Otherwise a - -1 would become a--1.
  if ((operator === "-" || operator === "+") && rightText.startsWith(operator)) {
    rightText = `(${rightText})`;
  }
  return {
    text: leftText + operator + rightText,
    precedence,
    low: bounds[0],
    high: bounds[1],
    loose: false,
    ...combine(left, right),
  };
}

const INVERSE: Readonly<Record<string, string>> = {
  "==": "!=",
  "!=": "==",
  "<": ">=",
  ">=": "<",
  ">": "<=",
  "<=": ">",
};

/** A comparison: a boolean, which counts as 0 or 1. `ordered`: neither side can be a NaN. */
export function comparison(left: Value, operator: string, right: Value, ordered = true): Value {
  const value = { ...binary(left, operator, right, [0, 1]), loose: true };
  const opposite = INVERSE[operator];
  if (opposite === undefined || (!ordered && operator !== "==" && operator !== "!=")) {
    return value;
  }
  const { text, precedence } = binary(left, opposite, right);
  return { ...value, inverse: { text, precedence } };
}

/** Whether the value is zero, as a boolean. */
export function not(value: Value): Value {
  const isBoolean = value.low >= 0 && value.high <= 1;
  const same = isBoolean
    ? value
    : { text: `${within(value, Precedence.equality)}!=0`, precedence: Precedence.equality };
  const opposite = value.inverse ?? {
    text: `!${within(value, Precedence.unary)}`,
    precedence: Precedence.unary,
  };
  const inverse: Text = { text: same.text, precedence: same.precedence };
  return { ...combine(value), ...opposite, low: 0, high: 1, loose: true, inverse };
}

/** Whether carrying out the writes before the reads would change what is read. */
export function conflicts(reads: Effects, writes: Effects): boolean {
  if (writes.has(Effect.allGlobals) && [...reads].some((read) => read <= globalEffect(0))) {
    return true;
  }
  const [few, many] = reads.size < writes.size ? [reads, writes] : [writes, reads];
  for (const effect of few) {
    if (many.has(effect)) {
      return true;
    }
  }
  return false;
}

/** The value as exactly the signed 32-bit integer it stands for. */
export function signed(value: Value): Value {
  if (!value.loose && value.low >= LOWEST && value.high <= HIGHEST) {
    return value;
  }
  if (value.constant !== undefined) {
    return integer(value.constant | 0);
  }
  const bounds: [number, number] =
    value.low >= LOWEST && value.high <= HIGHEST ? [value.low, value.high] : [LOWEST, HIGHEST];
  return binary(value, "|", integer(0), bounds);
}

/** The value as exactly the unsigned 32-bit integer it stands for. */
export function unsigned(value: Value): Value {
  if (!value.loose && value.low >= 0 && value.high < 2 ** 32) {
    return value;
  }
  if (value.constant !== undefined) {
    return integer(value.constant >>> 0);
  }
  const bounds: [number, number] =
    value.low >= 0 && value.high < 2 ** 32 ? [value.low, value.high] : [0, 2 ** 32 - 1];
  return binary(value, ">>>", integer(0), bounds);
}

/** A call of a function that changes nothing, or what `effects` says. */
export function call(
  name: string,
  args: readonly Value[],
  effects: { readonly reads?: Effects; readonly writes?: Effects } = {},
  bounds: readonly [low: number, high: number] = [LOWEST, HIGHEST],
): Value {
  const parts = combine(...args);
  const text = `${name}(${args.map((arg) => within(arg, Precedence.assignment)).join()})`;
  return primary(
    text,
    {
      reads: merge(parts.reads, effects.reads ?? NO_EFFECTS),
      writes: merge(parts.writes, effects.writes ?? NO_EFFECTS),
      depth: parts.depth,
    },
    bounds,
  );
}

/** Whether leaving the expression out, or carrying it out twice, makes no difference. */
export function isHarmless({ reads, writes }: Value): boolean {
  return writes.size === 0 && !reads.has(Effect.world);
}

/** `condition ? then : otherwise`. */
export function conditional(condition: Value, then: Value, otherwise: Value): Value {
  const level = Precedence.assignment;
  const test = testOf(condition, then, otherwise);
  return {
    text: `${within(condition, Precedence.or)}?${within(then, level)}:${within(otherwise, level)}`,
    precedence: Precedence.conditional,
    low: Math.min(then.low, otherwise.low),
    high: Math.max(then.high, otherwise.high),
    loose: then.loose || otherwise.loose,
    ...combine(condition, then, otherwise),
    ...(test === undefined ? {} : { test }),
  };
}

/** A choice between a value and a constant, where only its being zero counts. */
function testOf(condition: Value, then: Value, otherwise: Value): Text | undefined {
  if (otherwise.constant === 0) {
    const text = `${within(condition, Precedence.and)}&&${within(then, Precedence.and)}`;
    return { text, precedence: Precedence.and };
  }
  if (then.constant !== undefined && then.constant !== 0) {
    const text = `${within(condition, Precedence.or)}||${within(otherwise, Precedence.or)}`;
    return { text, precedence: Precedence.or };
  }
  return undefined;
}

/** A value in an arm of a choice: exact, but 0 and 1 may be a boolean. */
export function exactUnlessZero(value: Value): Value {
  return value.loose
    ? signed(value)
    : value.low >= -(2 ** 31) && value.high < 2 ** 31
      ? value
      : signed(value);
}

/** Whether both are true. */
export function both(left: Value, right: Value): Value {
  return joined(left, right, "&&", "||");
}

/** Whether one of them is true. */
export function either(left: Value, right: Value): Value {
  return joined(left, right, "||", "&&");
}

function joined(left: Value, right: Value, operator: "&&" | "||", opposite: "&&" | "||"): Value {
  const { inverse: first } = left;
  const { inverse: second } = right;
  return {
    ...combine(left, right),
    ...join(left, operator, right),
    low: 0,
    high: 1,
    loose: true,
    ...(first === undefined || second === undefined ? {} : { inverse: join(first, opposite, second) }),
  };
}

function join(left: Text, operator: "&&" | "||", right: Text): Text {
  const precedence = operator === "&&" ? Precedence.and : Precedence.or;
  return { text: within(left, precedence) + operator + within(right, precedence), precedence };
}
