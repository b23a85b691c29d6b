import { bigMultiplyAdd, bigSet, binary, compareScaled, decimal } from "./big-number";
import { high, low, scalePairByPower2, scalePairByPower5, setPair } from "./float-pair";

// Shortest digits that read back as the same number, and of those the closest ones, halves up, as in the Rust standard library.
// The number is scaled by a power of ten so that between 2 and 20 whole numbers read as it, the step from a float to the next:
// of these the multiple of 100 is taken, else the closest of 10, else the closest. Two floats hold the scaled number; where they
// leave a doubt, long arithmetic decides.

/** Digits of the scaled number, behind those before them. */
const LOWER: f64 = 1e8;
const LOWER_DIGITS: i32 = 8;
/** More than the scaled number can be off by. */
const DOUBT: f64 = 1e-6;

const digits: usize = memory.data(20);
const digitsEnd: usize = digits + 20;
/** Where the first digit is, and how many are behind the decimal point. */
let first: usize = 0;
let places: i32 = 0;

/** The number is mantissa * 2^exponent; `step` is what one more in the mantissa is when scaled. */
let mantissa: f64 = 0;
let exponent: i32 = 0;
let step: f64 = 0;
/** Just above a power of two the next number below is only half a step away. */
let uneven: boolean = false;
/** The number times 10^places is upper * LOWER + lower. */
let upper: f64 = 0;
let lower: f64 = 0;

/** Shortest text of an f32 without exponent. */
export function f32Text(value: f32): string {
  const bits = reinterpret<u32>(value);
  return floatText(bits >>> 31, (bits >>> 23) & 0xff, 0xff, 150, <f64>(bits & 0x7fffff), 8388608);
}

/** Shortest text of an f64 without exponent. */
export function f64Text(value: f64): string {
  const bits = reinterpret<u64>(value);
  const top = <u32>(bits >>> 32);
  const fraction = <f64>(top & 0xfffff) * 4294967296 + <f64>(<u32>bits);
  return floatText(top >>> 31, (top >>> 20) & 0x7ff, 0x7ff, 1075, fraction, 4503599627370496);
}

/** By the parts of the IEEE 754 form; `hidden` is the bit that is not written. */
function floatText(negative: u32, biased: i32, special: i32, bias: i32, fraction: f64, hidden: f64): string {
  if (biased == special && fraction != 0) return "NaN";
  if (biased == special) return negative ? "-inf" : "inf";
  if (!biased && fraction == 0) return negative ? "-0" : "0";
  mantissa = biased ? fraction + hidden : fraction;
  exponent = max(biased, 1) - bias;
  uneven = fraction == 0 && biased > 1;
  scaleToSteps();
  shorten();
  return layOut(negative);
}

function scaleToSteps(): void {
  // The least power of ten for which a step is 2 or more: log10(2) is 78913 / 2^18, near enough for all exponents.
  places = -(((exponent - 1) * 78913) >> 18);
  setPair(mantissa);
  scalePairByPower5(places);
  scalePairByPower2(exponent + places);
  step = high / mantissa;
  upper = floor(high / LOWER);
  lower = high - upper * LOWER + low;
  if (lower < 0) {
    upper--;
    lower += LOWER;
  }
}

/** Writes the digits of the roundest whole number that reads as this one. */
function shorten(): void {
  let unit: f64 = 100;
  let chosen: f64 = 0;
  for (; ; unit /= 10) {
    const below = floor(lower / unit) * unit;
    const isBelow = reads(below);
    chosen = below + unit;
    if (reads(chosen)) {
      if (isBelow && isNearer(below, unit)) chosen = below;
      break;
    }
    chosen = below;
    if (isBelow) break;
  }
  if (chosen >= LOWER) {
    upper++;
    chosen -= LOWER;
  }
  first = digitsEnd;
  prepend(<i32>chosen, LOWER_DIGITS);
  prepend(<i32>upper, 0);
}

/** True when a whole number, given without `upper`, reads as this number: it is less than half a step away, or that far and the mantissa is even. */
function reads(whole: f64): boolean {
  const isBelow = whole < lower;
  const distance = abs(whole - lower) - (isBelow && uneven ? step / 4 : step / 2);
  if (abs(distance) > DOUBT) return distance < 0;
  setDecimal(whole);
  bigSet(binary, isBelow ? mantissa - 1 : mantissa);
  bigMultiplyAdd(binary, 4, isBelow && uneven ? 3 : 2);
  const order = compareScaled(-places, exponent - 2);
  if (order == 0) return floor(mantissa / 2) * 2 == mantissa;
  return isBelow == order > 0;
}

/** True when the whole number below is nearer than the one above. */
function isNearer(below: f64, unit: f64): boolean {
  const distance = lower - below - unit / 2;
  if (abs(distance) > DOUBT) return distance < 0;
  setDecimal(below);
  bigMultiplyAdd(decimal, 2, <u32>unit);
  bigSet(binary, mantissa);
  return compareScaled(-places, exponent + 1) > 0;
}

function setDecimal(whole: f64): void {
  bigSet(decimal, upper);
  bigMultiplyAdd(decimal, 10000, <u32>whole / 10000);
  bigMultiplyAdd(decimal, 10000, <u32>whole % 10000);
}

/** Writes the digits of a whole number, and zeros up to `least` digits, in front of those that are there; zeros at the end are left out. */
function prepend(whole: i32, least: i32): void {
  let at = first;
  if (at == digitsEnd) {
    if (!whole) {
      places -= least;
      return;
    }
    for (; whole % 10 == 0; whole /= 10) {
      places--;
      least--;
    }
  }
  for (; whole || least > 0; least--) {
    store<u8>(--at, 0x30 + (whole % 10));
    whole /= 10;
  }
  first = at;
}

/** The digits with sign, decimal point, and zeros where there are no digits. */
function layOut(negative: u32): string {
  const count = <i32>(digitsEnd - first);
  const position = count - places;
  const length = <usize>(max(position, 1) + max(places, 0) + (places > 0 ? 1 : 0)) + negative;
  const text = changetype<string>(__new(length << 1, idof<string>()));
  let to = changetype<usize>(text);
  if (negative) {
    store<u16>(to, 0x2d);
    to += 2;
  }
  to = position > 0 ? writeZeros(writeDigits(to, min(position, count)), position - count) : writeZeros(to, 1);
  if (places > 0) {
    store<u16>(to, 0x2e);
    writeDigits(writeZeros(to + 2, -position), min(places, count));
  }
  return text;
}

function writeZeros(to: usize, count: i32): usize {
  for (; count > 0; count--) {
    store<u16>(to, 0x30);
    to += 2;
  }
  return to;
}

function writeDigits(to: usize, count: i32): usize {
  let from = first;
  for (; count; count--) {
    store<u16>(to, load<u8>(from++));
    to += 2;
  }
  first = from;
  return to;
}
