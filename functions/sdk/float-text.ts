import {
  BIG_SIZE,
  bigAdd,
  bigBits,
  bigCompare,
  bigCopy,
  bigMultiplyAdd,
  bigMultiplyPower10,
  bigSet,
  bigShiftLeft,
  bigSubtract,
} from "./big-number";

// Shortest digits that read back as the same number, and of those the closest ones (Steele and White 1990, with the
// roundings of the Rust standard library). The value is rest/scale; margins are the halves of the gaps around it.

const rest: usize = memory.data(BIG_SIZE);
const scale: usize = memory.data(BIG_SIZE);
const above: usize = memory.data(BIG_SIZE);
const below: usize = memory.data(BIG_SIZE);
const sum: usize = memory.data(BIG_SIZE);
/** Digits, one a byte, without the code of `0`; 17 are the most that a number of 64 bits needs. */
const digits: usize = memory.data(24);

/** Text of a finite or infinite number without exponent, by the low and high word of its IEEE 754 form. */
export function floatText(low: u32, high: u32, double: boolean): string {
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
  bigSet(rest, biased ? topMantissa | (1 << topMantissaBits) : topMantissa);
  if (double) {
    bigMultiplyAdd(rest, 0x8000, 0);
    bigMultiplyAdd(rest, 2, bottom >>> 16);
    bigMultiplyAdd(rest, 0x8000, 0);
    bigMultiplyAdd(rest, 2, bottom & 0xffff);
  }
  const bias: i32 = double ? 1075 : 150;
  const even = ((double ? bottom : topMantissa) & 1) == 0;
  // Just above a power of two the gap below is half of the gap above.
  const uneven = plain && biased > 1;
  const position = generate(<i32>max(biased, 1) - bias, even, uneven);
  return sign + layOut(position);
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
    store<u16>(to, 0x30 + (i >= 0 && i < count ? <u32>load<u8>(digits + <usize>i) : 0));
    to += 2;
  }
  return text;
}
