import { Op } from "../wasm/opcode.js";
import type { Helper } from "./helpers.js";
import {
  binary,
  both,
  call,
  comparison,
  EXACT,
  either,
  integer,
  isHarmless,
  not,
  signed,
  TRAPS,
  unsigned,
  type Value,
} from "./value.js";

/** Gives the name of a helper of the text and notes that it is used. */
export type UseHelper = (helper: Helper) => string;

const COMPARISONS: readonly [operator: string, isUnsigned: boolean][] = [
  ["==", false],
  ["!=", false],
  ["<", false],
  ["<", true],
  [">", false],
  [">", true],
  ["<=", false],
  ["<=", true],
  [">=", false],
  [">=", true],
];

const FIRST_UNARY = 0x67;
const FIRST_BINARY = Op.i32Add;
const BINARY = "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr".split(" ");

/** An i32 instruction with one operand. */
export function unaryInteger(opcode: number, value: Value, use: UseHelper): Value {
  switch (opcode) {
    case Op.i32Eqz:
      return not(signed(value).constant === undefined ? truth(value) : signed(value));
    case 0xc0:
      return extended(value, 24);
    case 0xc1:
      return extended(value, 16);
    default: {
      const helper = (["leadingZeros", "trailingZeros", "ones"] as const)[opcode - FIRST_UNARY] ?? "ones";
      return call(use(helper), [signed(value)], {}, [0, 32]);
    }
  }
}

/** The value for a test against zero: exact, but a boolean is as good as a number. */
export function truth(value: Value): Value {
  const exact = value.loose && value.low >= 0 && value.high <= 1 ? value : signed(value);
  return exact.test === undefined ? exact : { ...exact, ...exact.test, loose: true };
}

/** An i32 instruction with two operands. */
export function binaryInteger(opcode: number, left: Value, right: Value, use: UseHelper): Value {
  const compared = COMPARISONS[opcode - 0x46];
  if (opcode < FIRST_UNARY && compared !== undefined) {
    const [operator, isUnsigned] = compared;
    const exact = isUnsigned ? unsigned : numeric;
    return comparison(exact(left), operator, exact(right));
  }
  switch (BINARY[opcode - FIRST_BINARY]) {
    case "add":
      return sum(left, right);
    case "sub":
      return right.constant === undefined
        ? exactOr(left, "-", right, [left.low - right.high, left.high - right.low])
        : sum(left, integer(-right.constant));
    case "mul":
      return product(left, right, use);
    case "div_s":
    case "rem_s":
      return signedDivision(opcode, left, right, use);
    case "div_u":
    case "rem_u":
      return unsignedDivision(opcode, left, right, use);
    case "and":
      return bitAnd(left, right);
    case "or":
      return right.constant === 0 ? signed(left) : bits(left, "|", right);
    case "xor":
      return right.constant === -1 && left.depth === 0 ? invert(left) : bits(left, "^", right);
    case "shl":
      return binary(left, "<<", right);
    case "shr_s":
      return shiftRight(left, right);
    case "shr_u":
      return shiftUnsigned(left, right);
    case "rotl":
      return call(use("rotate"), [left, right]);
    default:
      return call(use("rotate"), [left, negative(right)]);
  }
}

/** Exact for a comparison, where a boolean or a negative zero is as good as a number. */
function numeric(value: Value): Value {
  const fits = value.low >= -(2 ** 31) && value.high <= 2 ** 31 - 1;
  return fits ? value : signed(value);
}

function invert(value: Value): Value {
  return binary(value, "^", integer(-1));
}

function negative(value: Value): Value {
  return value.constant === undefined
    ? binary(integer(32), "-", value, [-EXACT, EXACT])
    : integer(-value.constant);
}

/** A sum or difference that stays exact as a double, wrapped only where it is used. */
function exactOr(left: Value, operator: "+" | "-", right: Value, bounds: [number, number]): Value {
  if (Math.abs(bounds[0]) > EXACT || Math.abs(bounds[1]) > EXACT) {
    return exactOr(signed(left), operator, signed(right), [-(2 ** 32), 2 ** 32]);
  }
  // The difference or sum of two zeros can be a negative one only where the left is.
  return { ...binary(left, operator, right, bounds), loose: left.loose && (operator === "-" || right.loose) };
}

/** Adds; constants added one after the other become one. */
function sum(left: Value, right: Value): Value {
  if (left.constant !== undefined && right.constant !== undefined) {
    return integer((left.constant + right.constant) | 0);
  }
  if (left.constant !== undefined) {
    return sum(right, left);
  }
  if (right.constant !== undefined && right.constant < 0) {
    const less = -right.constant;
    return exactOr(left, "-", integer(less), [left.low - less, left.high - less]);
  }
  return exactOr(left, "+", right, [left.low + right.low, left.high + right.high]);
}

function product(left: Value, right: Value, use: UseHelper): Value {
  const corners = [left.low, left.high].flatMap((a) => [a * right.low, a * right.high]);
  const [low, high] = [Math.min(...corners), Math.max(...corners)];
  if (Math.abs(low) > EXACT || Math.abs(high) > EXACT) {
    if (left.low < -(2 ** 31) || left.high >= 2 ** 32 || right.low < -(2 ** 31) || right.high >= 2 ** 32) {
      return product(signed(left), signed(right), use);
    }
    return call(use("multiply"), [left, right]);
  }
  // Zero times a negative number is a negative zero.
  return { ...binary(left, "*", right, [low, high]), loose: low <= 0 };
}

function signedDivision(opcode: number, left: Value, right: Value, use: UseHelper): Value {
  const { constant } = right;
  const isRemainder = BINARY[opcode - FIRST_BINARY] === "rem_s";
  if (constant !== undefined && constant > 0) {
    return isRemainder
      ? { ...binary(signed(left), "%", right, [1 - constant, constant - 1]), loose: true }
      : binary(binary(signed(left), "/", right), "|", integer(0));
  }
  return call(use(isRemainder ? "remainder" : "divide"), [signed(left), signed(right)], { reads: TRAPS });
}

function unsignedDivision(opcode: number, left: Value, right: Value, use: UseHelper): Value {
  const isRemainder = BINARY[opcode - FIRST_BINARY] === "rem_u";
  if (right.constant !== undefined && right.constant !== 0) {
    const divisor = unsigned(right);
    const most = divisor.high;
    return isRemainder
      ? binary(unsigned(left), "%", divisor, [0, most - 1])
      : binary(binary(unsigned(left), "/", divisor), ">>>", integer(0), [
          0,
          Math.floor((2 ** 32 - 1) / most),
        ]);
  }
  const helper = isRemainder ? "remainderUnsigned" : "divideUnsigned";
  return call(use(helper), [unsigned(left), unsigned(right)], { reads: TRAPS }, [0, 2 ** 32 - 1]);
}

function bitAnd(left: Value, right: Value): Value {
  if (left.constant !== undefined && right.constant === undefined) {
    return bitAnd(right, left);
  }
  if (isCondition(left) && isCondition(right)) {
    return both(...simplerFirst(left, right));
  }
  const masks = [left, right].filter(({ low, high }) => low >= 0 && high < 2 ** 31).map(({ high }) => high);
  return masks.length === 0 ? binary(left, "&", right) : binary(left, "&", right, [0, Math.min(...masks)]);
}

/** Whether a value is a comparison or the like, which may be left out where the rest decides. */
function isCondition(value: Value): boolean {
  return value.loose && value.low >= 0 && value.high <= 1 && isHarmless(value);
}

function simplerFirst(left: Value, right: Value): [Value, Value] {
  return right.depth < left.depth ? [right, left] : [left, right];
}

function bits(left: Value, operator: "|" | "^", right: Value): Value {
  if (operator === "|" && isCondition(left) && isCondition(right)) {
    return either(...simplerFirst(left, right));
  }
  const most = Math.max(left.high, right.high);
  if (left.low < 0 || right.low < 0 || most >= 2 ** 31) {
    return binary(left, operator, right);
  }
  return binary(left, operator, right, [0, 2 ** (32 - Math.clz32(most)) - 1]);
}

function shiftRight(left: Value, right: Value): Value {
  if (right.constant === undefined) {
    return binary(left, ">>", right);
  }
  const by = right.constant & 31;
  const fits = left.low >= -(2 ** 31) && left.high < 2 ** 31;
  const [low, high] = fits ? [left.low, left.high] : [-(2 ** 31), 2 ** 31 - 1];
  return binary(left, ">>", right, [low >> by, high >> by]);
}

function shiftUnsigned(left: Value, right: Value): Value {
  const by = right.constant === undefined ? 0 : right.constant & 31;
  const high = left.low >= 0 && left.high < 2 ** 32 ? left.high : 2 ** 32 - 1;
  return binary(left, ">>>", right, [0, Math.floor(high / 2 ** by)]);
}

/** The lower bits of a value, without the upper `by`, as a signed number. */
export function extended(value: Value, by: number): Value {
  const most = 2 ** (31 - by);
  return binary(binary(value, "<<", integer(by)), ">>", integer(by), [-most, most - 1]);
}
