import { bigMultiplyAdd, bigSet, binary, compareScaled, decimal } from "./big-number";
import { addToPair, high, low, powerOf2, scalePair, scalePairByPower2, scalePairByPower5, setPair } from "./float-pair";
import { NumberError, noteNumberError } from "./number-error";
import { unitAt } from "./parse-integer";

// Floats as the Rust standard library reads them: a strict grammar, and always the nearest value, halves to even. Two floats hold
// the number well enough for nearly every text; where they leave a doubt, long arithmetic over all digits decides.

/** So many digits, and powers of ten up to this one, are floats. */
const HALF_DIGITS: i32 = 15;
const FLOAT_POWER: i32 = 22;
/** The bits that an f32 lacks of an f64, and their value when that is halfway between two f32. */
const LACKING_BITS: u32 = 0x1fffffff;
const HALFWAY: u32 = 0x10000000;
/** More significant digits than any halfway point between two numbers has; what follows only counts as "more". */
const MAX_DIGITS: i32 = 770;
/** Exponents beyond this give infinity or zero whatever the digits are. */
const MAX_EXPONENT: i32 = 100000;
/** Numbers from 10^309 on are infinite, those below 10^-324 are zero. */
const MOST_MAGNITUDE: i32 = 309;
const LEAST_MAGNITUDE: i32 = -323;
/** More than the pair can be off by, when the last bit of the result is one. */
const DOUBT: f64 = 1e-11;

/** What `readDecimal` found: where the digits and points begin, and their power of ten. */
let digitsStart: usize = 0;
let exponent10: i32 = 0;
/** The first half of the significant digits that two floats hold, and the second. */
let upper: f64 = 0;
let lower: f64 = 0;
/** How many significant digits there are. */
let digitCount: i32 = 0;
let negative: boolean = false;

const FINITE: i32 = 0;
const INFINITE: i32 = 1;
const NOT_A_NUMBER: i32 = 2;
const MALFORMED: i32 = 3;

/** Reads an f32; see `lastNumberError`. */
export function parseF32(ptr: usize, len: usize, shift: usize): f32 {
  return <f32>parseFloat(ptr, len, shift, 24, -149);
}

/** Reads an f64; see `lastNumberError`. */
export function parseF64(ptr: usize, len: usize, shift: usize): f64 {
  return parseFloat(ptr, len, shift, 53, -1074);
}

/** Reads a float with so many bits, of which the last is at least 2^leastExponent. */
function parseFloat(ptr: usize, len: usize, shift: usize, precision: i32, leastExponent: i32): f64 {
  const kind = readDecimal(ptr, len, shift);
  let value: f64 = 0;
  if (kind == NOT_A_NUMBER) value = NaN;
  else if (kind == INFINITE) value = Infinity;
  else if (kind == FINITE && digitCount) value = nearest(ptr, shift, precision, leastExponent);
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
  upper = 0;
  lower = 0;
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
        if (digitCount < HALF_DIGITS) upper = upper * 10 + <f64>digit;
        else if (digitCount < 2 * HALF_DIGITS) lower = lower * 10 + <f64>digit;
        digitCount++;
      }
    } else if (unit == 0x2e && !point) point = true;
    else break;
  }
  if (!seen) return MALFORMED;
  return at == len || readExponent(ptr, at, len, shift) ? FINITE : MALFORMED;
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

/** 10^exponent, which is exact up to `FLOAT_POWER`. */
function power10(exponent: i32): f64 {
  let power: f64 = 1;
  for (; exponent; exponent--) power *= 10;
  return power;
}

/** The nearest float of the given precision; beyond the greatest one the result may be finite when that of an f64 is. */
function nearest(ptr: usize, shift: usize, precision: i32, leastExponent: i32): f64 {
  const magnitude = exponent10 + digitCount;
  if (magnitude > MOST_MAGNITUDE) return Infinity;
  if (magnitude < LEAST_MAGNITUDE) return 0;
  const most = abs(exponent10);
  if (digitCount <= HALF_DIGITS && most <= FLOAT_POWER) {
    // One operation on two exact floats rounds once; that an f32 is rounded once more shows only halfway between two of them.
    const value = exponent10 < 0 ? upper / power10(most) : upper * power10(most);
    if (precision == 53 || (<u32>reinterpret<u64>(value) & LACKING_BITS) != HALFWAY) return value;
  }
  const taken = min(digitCount, 2 * HALF_DIGITS);
  const scale = magnitude - taken;
  setPair(upper);
  if (taken > HALF_DIGITS) {
    scalePair(power10(taken - HALF_DIGITS), false);
    addToPair(lower);
  }
  scalePairByPower5(scale);
  // The pair is the number divided by 2^scale.
  let top = <i32>(reinterpret<u64>(high) >>> 52) - 1023;
  if (low < 0 && high == powerOf2(top)) top--;
  const last = max(top + 1 - precision, leastExponent - scale);
  scalePairByPower2(-last);
  const exponent2 = last + scale;
  let whole = floor(high);
  let rest = high - whole + low;
  if (rest < 0) {
    whole--;
    rest++;
  }
  if (abs(rest - 0.5) > DOUBT ? rest > 0.5 : isAboveHalf(ptr, shift, whole, exponent2)) whole++;
  const half = exponent2 >> 1;
  return whole * powerOf2(half) * powerOf2(exponent2 - half);
}

/** True when the number is above (whole + 1/2) * 2^exponent2, or equals it and the next whole number is even. */
function isAboveHalf(ptr: usize, shift: usize, whole: f64, exponent2: i32): boolean {
  readDigits(ptr, shift);
  bigSet(binary, whole);
  bigMultiplyAdd(binary, 2, 1);
  const order = compareScaled(exponent10, exponent2 - 1);
  return order > 0 || (order == 0 && floor(whole / 2) * 2 != whole);
}

/** Takes all digits into `decimal`; those beyond the most that count become one, when they are more than zeros. */
function readDigits(ptr: usize, shift: usize): void {
  bigSet(decimal, 0);
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
      bigMultiplyAdd(decimal, 10, digit);
      digitCount++;
    }
  }
  if (!more) return;
  bigMultiplyAdd(decimal, 10, 1);
  exponent10--;
}
