import type { UseHelper } from "./integer-operations.js";
import { ANY_NUMBER, binary, call, comparison, integer, Precedence, primary, type Value } from "./value.js";

const UNARY = ["abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"];
const BINARY = ["add", "sub", "mul", "div", "min", "max", "copysign"];
const OPERATORS: Readonly<Record<string, string>> = { add: "+", sub: "-", mul: "*", div: "/" };
const COMPARISONS = ["==", "!=", "<", ">", "<=", ">="];

/** A float constant that the interpreter of a board, which reads decimals inexactly, reads exactly. */
export function float(value: number, use: UseHelper): Value {
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 53 && !Object.is(value, -0)) {
    const precedence = value < 0 ? Precedence.unary : Precedence.primary;
    return { ...primary(`${value}.0`, {}, ANY_NUMBER), precedence };
  }
  if (Object.is(value, -0)) {
    return { ...primary("-1.0*0.0", {}, ANY_NUMBER), precedence: Precedence.multiplication };
  }
  for (let power = 1; power <= 20; power += 1) {
    const scaled = value * 2 ** power;
    if (Number.isInteger(scaled) && Math.abs(scaled) < 2 ** 31) {
      const text = `${scaled}.0/${2 ** power}`;
      return { ...primary(text, {}, ANY_NUMBER), precedence: Precedence.multiplication };
    }
  }
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value, true);
  const halves = [view.getInt32(0, true), view.getInt32(4, true)].map(integer);
  return call(use("bitsToDouble"), halves, {}, ANY_NUMBER);
}

/** A float is any double; one from an integer is written so that the interpreter does not keep it as an integer. */
export function fromInteger(value: Value): Value {
  return binary(value, "*", primary("1.0"), ANY_NUMBER);
}

/** Rounds a double to a single. */
export function rounded(value: Value, use: UseHelper): Value {
  return call(use("round"), [value], {}, ANY_NUMBER);
}

/** A unary instruction of f32 or f64 by its place among them. */
export function unaryFloat(place: number, value: Value, isSingle: boolean, use: UseHelper): Value {
  switch (UNARY[place]) {
    case "abs":
      return call(use("absolute"), [value], {}, ANY_NUMBER);
    case "neg":
      return binary(primary("-1.0"), "*", value, ANY_NUMBER);
    case "ceil":
      return call("Math.ceil", [value], {}, ANY_NUMBER);
    case "floor":
      return call("Math.floor", [value], {}, ANY_NUMBER);
    case "trunc":
      return call(use("truncate"), [value], {}, ANY_NUMBER);
    case "nearest":
      return call(use("nearest"), [value], {}, ANY_NUMBER);
    default: {
      const root = call(use("squareRoot"), [value], {}, ANY_NUMBER);
      return isSingle ? rounded(root, use) : root;
    }
  }
}

/** A binary instruction of f32 or f64 by its place among them. */
export function binaryFloat(
  place: number,
  left: Value,
  right: Value,
  isSingle: boolean,
  use: UseHelper,
): Value {
  const name = BINARY[place] ?? "";
  const operator = OPERATORS[name];
  if (operator === undefined) {
    const helper = name === "min" ? "least" : name === "max" ? "greatest" : "copySign";
    return call(use(helper), [left, right], {}, ANY_NUMBER);
  }
  const exact = binary(left, operator, right, ANY_NUMBER);
  return isSingle ? rounded(exact, use) : exact;
}

/** A comparison of floats by its place among them. */
export function compareFloats(place: number, left: Value, right: Value): Value {
  return comparison(left, COMPARISONS[place] ?? "==", right, false);
}

/** A conversion of a float to an i32, by the name of the helper. */
export function toInteger(
  helper: "toInteger" | "toUnsigned" | "saturate" | "saturateUnsigned",
  value: Value,
  use: UseHelper,
): Value {
  return call(use(helper), [value], helper.startsWith("to") ? { reads: new Set([-2]) } : {});
}
