import {
  BIG_NUMBERS,
  BIG_SIZE,
  bigBits,
  bigCompare,
  bigMultiplyAdd,
  bigMultiplyPower10,
  bigSet,
  bigShiftLeft,
  bigSubtract,
} from "./big-number";
import { NumberError, noteNumberError } from "./number-error";
import { unitAt } from "./parse-integer";

// Floats as the Rust standard library reads them: a strict grammar, and always the nearest value, halves to even.

/** More significant digits than any halfway point between two numbers has; what follows only counts as "more". */
const MAX_DIGITS: i32 = 800;
/** Exponents beyond this give infinity or zero whatever the digits are. */
const MAX_EXPONENT: i32 = 100000;

/** Up to this many digits, and this power of ten, a number is an exact f64; one division or product of the two is correctly rounded. */
const EXACT_DIGITS: i32 = 15;
const EXACT_POWER: i32 = 22;

const numerator: usize = BIG_NUMBERS;
const denominator: usize = BIG_NUMBERS + BIG_SIZE;

/** What `readDecimal` found: where the digits and points begin, and their power of ten. */
let digitsStart: usize = 0;
let exponent10: i32 = 0;
/** The digits, as long as they are exact. */
let mantissa: f64 = 0;
/** How many significant digits there are. */
let digitCount: i32 = 0;
let negative: boolean = false;

const FINITE: i32 = 0;
const INFINITE: i32 = 1;
const NOT_A_NUMBER: i32 = 2;
const MALFORMED: i32 = 3;

/** Reads an f32; see `lastNumberError`. */
export function parseF32(ptr: usize, len: usize, shift: usize): f32 {
  const kind = readDecimal(ptr, len, shift);
  let value: f32 = 0;
  if (kind == NOT_A_NUMBER) value = f32.NaN;
  else if (kind == INFINITE) value = <f32>Infinity;
  else if (kind == FINITE && digitCount) {
    const double = few();
    value = <f32>double;
    // A number between the two nearest f32 may have been rounded to their middle.
    if (double < 1.2e-38 || (<u32>reinterpret<u64>(double) & 0x1fffffff) == 0x10000000) {
      readDigits(ptr, len, shift);
      value = reinterpret<f32>(<u32>nearest2(24, -149, 127));
    }
  }
  return negative ? -value : value;
}

/** Reads an f64; see `lastNumberError`. */
export function parseF64(ptr: usize, len: usize, shift: usize): f64 {
  const kind = readDecimal(ptr, len, shift);
  let value: f64 = 0;
  if (kind == NOT_A_NUMBER) value = f64.NaN;
  else if (kind == INFINITE) value = <f64>Infinity;
  else if (kind == FINITE && digitCount) {
    value = few();
    if (value < 0) {
      readDigits(ptr, len, shift);
      value = reinterpret<f64>(nearest2(53, -1074, 1023));
    }
  }
  return negative ? -value : value;
}

function readDecimal(ptr: usize, len: usize, shift: usize): i32 {
  negative = false;
  digitCount = 0;
  const kind = len ? readParts(ptr, len, shift) : MALFORMED;
  let error = NumberError.None;
  if (!len) error = NumberError.EmptyFloat;
  else if (kind == MALFORMED) {
    error = NumberError.InvalidFloat;
    negative = false;
  }
  noteNumberError(error);
  return kind;
}

function readParts(ptr: usize, len: usize, shift: usize): i32 {
  let at: usize = 0;
  const first = unitAt(ptr, 0, shift);
  if (first == 0x2b || first == 0x2d) {
    negative = first == 0x2d;
    at = 1;
  }
  if (isWord(ptr, at, len, shift, "nan")) return NOT_A_NUMBER;
  if (isWord(ptr, at, len, shift, "inf") || isWord(ptr, at, len, shift, "infinity")) return INFINITE;
  digitsStart = at;
  mantissa = 0;
  exponent10 = 0;
  let seen = false;
  let point = false;
  for (; at < len; at++) {
    const unit = unitAt(ptr, at, shift);
    const digit = unit - 0x30;
    if (digit <= 9) {
      seen = true;
      if (point) exponent10--;
      if (digitCount || digit) {
        if (digitCount < EXACT_DIGITS) mantissa = mantissa * 10 + <f64>digit;
        digitCount++;
      }
    } else if (unit == 0x2e && !point) point = true;
    else break;
  }
  if (!seen) return MALFORMED;
  return at == len || readExponent(ptr, at, len, shift) ? FINITE : MALFORMED;
}

/** The number when it has few digits and a small power of ten, else -1. */
function few(): f64 {
  let left = abs(exponent10);
  if (digitCount > EXACT_DIGITS || left > EXACT_POWER) return -1;
  let power: f64 = 1;
  for (; left; left--) power *= 10;
  return exponent10 < 0 ? mantissa / power : mantissa * power;
}

/** Takes all digits into `numerator`; those beyond the most that count become one, when they are more than zeros. */
function readDigits(ptr: usize, len: usize, shift: usize): void {
  store<u32>(numerator, 0);
  let left = digitCount;
  exponent10 += max(0, digitCount - MAX_DIGITS);
  digitCount = 0;
  let more = false;
  for (let at = digitsStart; left; at++) {
    const digit = unitAt(ptr, at, shift) - 0x30;
    if (digit > 9 || (!digitCount && !digit)) continue;
    left--;
    if (digitCount == MAX_DIGITS) more = more || digit != 0;
    else {
      bigMultiplyAdd(numerator, 10, digit);
      digitCount++;
    }
  }
  if (!more) return;
  bigMultiplyAdd(numerator, 10, 1);
  digitCount++;
  exponent10--;
}

function readExponent(ptr: usize, at: usize, len: usize, shift: usize): boolean {
  if ((unitAt(ptr, at++, shift) | 0x20) != 0x65 || at == len) return false;
  const sign = unitAt(ptr, at, shift);
  if (sign == 0x2b || sign == 0x2d) at++;
  if (at == len) return false;
  let exponent: i32 = 0;
  for (; at < len; at++) {
    const digit = unitAt(ptr, at, shift) - 0x30;
    if (digit > 9) return false;
    if (exponent < MAX_EXPONENT) exponent = exponent * 10 + <i32>digit;
  }
  exponent10 += sign == 0x2d ? -exponent : exponent;
  return true;
}

function isWord(ptr: usize, at: usize, len: usize, shift: usize, word: string): boolean {
  if (len - at != <usize>word.length) return false;
  for (let i: usize = 0; i < <usize>word.length; i++) {
    if ((unitAt(ptr, at + i, shift) | 0x20) != <u32>word.charCodeAt(<i32>i)) return false;
  }
  return true;
}

/** The IEEE 754 form, without sign, of the number nearest to numerator * 10^exponent10. */
function nearest2(precision: i32, leastExponent: i32, bias: i32): u64 {
  const magnitude = exponent10 + digitCount;
  const infinite = <u64>(bias * 2 + 1) << <u64>(precision - 1);
  if (magnitude > 310) return infinite;
  if (magnitude < -350) return 0;
  bigSet(denominator, 1);
  if (exponent10 > 0) bigMultiplyPower10(numerator, exponent10);
  else bigMultiplyPower10(denominator, -exponent10);
  // Brings the quotient between 1 and 2; its exponent is then `power`.
  let power = bigBits(numerator) - bigBits(denominator);
  if (power > 0) bigShiftLeft(denominator, power);
  else bigShiftLeft(numerator, -power);
  if (bigCompare(numerator, denominator) < 0) {
    bigShiftLeft(numerator, 1);
    power--;
  }
  if (power > bias) return infinite;
  const bits = min(precision, power - leastExponent + 1);
  if (bits < 0) return 0;
  let quotient: u64 = 0;
  for (let i = 0; i < bits; i++) {
    quotient <<= 1;
    if (bigCompare(numerator, denominator) >= 0) {
      bigSubtract(numerator, denominator);
      quotient |= 1;
    }
    bigShiftLeft(numerator, 1);
  }
  const half = bigCompare(numerator, denominator);
  if (half > 0 || (half == 0 && (quotient & 1) != 0)) quotient++;
  // A carry out of the fraction moves into the exponent, which is what rounding up to a power of two means.
  if (bits < precision) return quotient;
  return (<u64>(power + bias) << <u64>(precision - 1)) + quotient - (<u64>1 << <u64>(precision - 1));
}
