import {
  BIG_NUMBERS,
  bigAdd,
  bigBits,
  bigCompare,
  bigCopy,
  bigMultiplyAdd,
  bigMultiplyPower10,
  bigSet,
  bigShiftLeft,
  bigSubtract,
  SMALL_SIZE,
} from "./big-number";

// Shortest digits that read back as the same number, and of those the closest ones (Steele and White 1990, with the
// roundings of the Rust standard library). The value is rest/scale; margins are the halves of the gaps around it. Most
// numbers have few digits, which a division finds: it is correctly rounded, so digits / 10^places is the number that
// these digits read as.

const rest: usize = BIG_NUMBERS;
const scale: usize = BIG_NUMBERS + SMALL_SIZE;
const above: usize = BIG_NUMBERS + 2 * SMALL_SIZE;
const below: usize = BIG_NUMBERS + 3 * SMALL_SIZE;
const sum: usize = BIG_NUMBERS + 4 * SMALL_SIZE;
/** Digits, one a byte, without the code of `0`; 17 are the most that a number of 64 bits needs. */
const digits: usize = memory.data(24);
const MOST_DIGITS: usize = 24;
/** Where the first digit is. */
let first: usize = digits;
/** All decimals with fewer digits read as different f64, or f32. */
const DISTINCT: f64 = 1e15;
const DISTINCT_SINGLE: f64 = 1e6;
/** An f32 has at most 9 digits, and with so few places its product with their power of ten is an exact f64. */
const MOST_SINGLE: f64 = 1e9;
const MOST_SINGLE_PLACES: i32 = 11;
/** Powers of ten up to this one are exact. */
const MOST_PLACES: i32 = 22;

/** Shortest text of an f32 without exponent. */
export function f32Text(value: f32): string {
  return floatText(reinterpret<u32>(value), 0, abs<f64>(value), false);
}

/** Shortest text of an f64 without exponent. */
export function f64Text(value: f64): string {
  const bits = reinterpret<u64>(value);
  return floatText(<u32>bits, <u32>(bits >>> 32), abs<f64>(value), true);
}

/** By the low and high word of the IEEE 754 form. */
function floatText(low: u32, high: u32, magnitude: f64, double: boolean): string {
  const exponentBits: u32 = double ? 11 : 8;
  const top = double ? high : low;
  const topMantissaBits: u32 = double ? 20 : 23;
  const sign = top >>> 31 ? "-" : "";
  const biased = (top >>> topMantissaBits) & ((1 << exponentBits) - 1);
  const topMantissa = top & ((1 << topMantissaBits) - 1);
  const bottom: u32 = double ? low : 0;
  const plain = topMantissa == 0 && bottom == 0;
  if (biased == (1 << exponentBits) - 1) return plain ? sign + "inf" : "NaN";
  if (biased == 0 && plain) return sign + "0";
  // Just above a power of two the gap below is half of the gap above.
  const uneven = plain && biased > 1;
  const places = fewPlaces(magnitude, double, uneven);
  if (places >= 0) return sign + layOut(count - places);
  bigSet(rest, biased ? topMantissa | (1 << topMantissaBits) : topMantissa);
  if (double) {
    bigMultiplyAdd(rest, 0x8000, 0);
    bigMultiplyAdd(rest, 2, bottom >>> 16);
    bigMultiplyAdd(rest, 0x8000, 0);
    bigMultiplyAdd(rest, 2, bottom & 0xffff);
  }
  const bias: i32 = double ? 1075 : 150;
  const even = ((double ? bottom : topMantissa) & 1) == 0;
  const position = generate(<i32>max(biased, 1) - bias, even, uneven);
  return sign + layOut(position);
}

/**
 * Writes the digits of a number that has few, and returns how many are behind the point; -1 when they cannot be found with
 * single divisions. Of an f64 all decimals below the limit read as different numbers, so the first that reads as this one
 * is the shortest. Of an f32 the product is exact, so its nearest whole number is the closest decimal.
 */
function fewPlaces(value: f64, double: boolean, uneven: boolean): i32 {
  const limit = double ? DISTINCT : uneven ? DISTINCT_SINGLE : MOST_SINGLE;
  const most = double ? MOST_PLACES : MOST_SINGLE_PLACES;
  if (!double && value >= 16777216) return -1;
  let power: f64 = 1;
  for (let places = 0; places <= most; places++) {
    const whole = floor<f64>(value * power + 0.5);
    if (whole >= limit) break;
    const read = whole / power;
    if ((double ? read : <f64>(<f32>read)) == value) {
      const upper = <u32>(whole / 1e8);
      first = digits + MOST_DIGITS;
      prepend(<u32>(whole - <f64>upper * 1e8), upper ? 8 : 1);
      if (upper) prepend(upper, 1);
      count = <i32>(digits + MOST_DIGITS - first);
      return places;
    }
    power *= 10;
  }
  return -1;
}

/** Writes the digits of a whole number, and zeros up to `least` digits, in front of those that are there. */
function prepend(whole: u32, least: i32): void {
  for (; whole || least > 0; least--) {
    first--;
    store<u8>(first, whole % 10);
    whole /= 10;
  }
}

let count: i32 = 0;

/** Writes the digits and returns the position of the decimal point before, in or behind them. */
function generate(exponent: i32, even: boolean, uneven: boolean): i32 {
  const bits = bigBits(rest);
  bigSet(scale, 1);
  bigSet(above, 1);
  if (exponent >= 0) {
    bigShiftLeft(rest, exponent);
    bigShiftLeft(above, exponent);
  } else bigShiftLeft(scale, -exponent);
  bigCopy(below, above);
  bigShiftLeft(rest, uneven ? 2 : 1);
  bigShiftLeft(scale, uneven ? 2 : 1);
  if (uneven) bigShiftLeft(above, 1);
  // log10(2), a little less than the logarithm of the value; one too low at most.
  let position = <i32>Math.ceil(<f64>(exponent + bits - 1) * 0.30102999566398114 - 1e-9);
  if (position >= 0) bigMultiplyPower10(scale, position);
  else {
    bigMultiplyPower10(rest, -position);
    bigMultiplyPower10(above, -position);
    bigMultiplyPower10(below, -position);
  }
  const inclusive: i32 = even ? 1 : 0;
  if (reaches(inclusive)) position++;
  else multiplyBy10();
  count = 0;
  first = digits;
  let last = false;
  while (!last) {
    if (count) multiplyBy10();
    let digit = 0;
    while (bigCompare(rest, scale) >= 0) {
      bigSubtract(rest, scale);
      digit++;
    }
    const low = bigCompare(rest, below) < inclusive;
    const high = reaches(inclusive);
    last = low || high;
    if (last) bigShiftLeft(rest, 1);
    if (high && (!low || bigCompare(rest, scale) >= 0)) digit++;
    store<u8>(digits + <usize>count, digit);
    count++;
  }
  return position;
}

/** True when rest plus the margin above it passes (or, inclusive, meets) the scale. */
function reaches(inclusive: i32): boolean {
  bigCopy(sum, rest);
  bigAdd(sum, above);
  return bigCompare(sum, scale) > -inclusive;
}

function multiplyBy10(): void {
  bigMultiplyAdd(rest, 10, 0);
  bigMultiplyAdd(above, 10, 0);
  bigMultiplyAdd(below, 10, 0);
}

/** Digits with the decimal point at a position, zeros where there are no digits. */
function layOut(position: i32): string {
  const start = min(position - 1, 0);
  const end = max(position, count);
  const length = end - start + (position < count ? 1 : 0);
  const text = changetype<string>(__new(<usize>length << 1, idof<string>()));
  let to = changetype<usize>(text);
  for (let i = start; i < end; i++) {
    if (i == position) {
      store<u16>(to, 0x2e);
      to += 2;
    }
    store<u16>(to, 0x30 + (i >= 0 && i < count ? <u32>load<u8>(first + <usize>i) : 0));
    to += 2;
  }
  return text;
}
