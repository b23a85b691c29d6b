// A number as the sum of two floats, of which the second is what the first lacks (Dekker 1971): twice the digits of a float.
// Only floats are used, because a target without 64-bit integers is fast with them and slow with long arithmetic.

/** The leading part, which is the float nearest to the number. */
export let high: f64 = 0;
/** What `high` lacks. */
export let low: f64 = 0;

/** 2^27 + 1: splits a float into two halves whose products are exact. */
const SPLIT: f64 = 134217729;
/** The highest power of five that is a float. */
const MOST_POWER: i32 = 22;
const MOST_POWER_OF_5: f64 = 2384185791015625;

/** Sets the pair to a float. */
export function setPair(value: f64): void {
  high = value;
  low = 0;
}

/** Adds a float whose magnitude is not above that of the pair. */
export function addToPair(value: f64): void {
  const sum = high + value;
  join(sum, value - (sum - high) + low);
}

/** Multiplies the pair by a float, or divides it; what is lost is less than 2^-103 of the pair. */
export function scalePair(factor: f64, divide: boolean): void {
  const base = divide ? high / factor : high;
  const product = base * factor;
  const baseTop = topHalf(base);
  const baseRest = base - baseTop;
  const factorTop = topHalf(factor);
  const factorRest = factor - factorTop;
  // base * factor is exactly product + lost.
  const lost = baseTop * factorTop - product + baseTop * factorRest + baseRest * factorTop + baseRest * factorRest;
  if (divide) join(base, (high - product - lost + low) / factor);
  else join(product, lost + low * factor);
}

/** Multiplies the pair by 5^exponent; less than 2^-98 of it is lost for exponents up to 400. */
export function scalePairByPower5(exponent: i32): void {
  const divide = exponent < 0;
  let left = abs(exponent);
  for (; left >= MOST_POWER; left -= MOST_POWER) scalePair(MOST_POWER_OF_5, divide);
  let power: f64 = 1;
  for (; left; left--) power *= 5;
  if (power > 1) scalePair(power, divide);
}

/** Multiplies the pair by 2^exponent, -1022 to 1023. */
export function scalePairByPower2(exponent: i32): void {
  const power = powerOf2(exponent);
  high *= power;
  low *= power;
}

/** 2^exponent, -1022 to 1023. */
export function powerOf2(exponent: i32): f64 {
  return reinterpret<f64>(<u64>(exponent + 1023) << 52);
}

function topHalf(value: f64): f64 {
  const split = value * SPLIT;
  return split - (split - value);
}

/** Sets the pair to a sum whose second part is much smaller than the first. */
function join(sum: f64, rest: f64): void {
  high = sum + rest;
  low = rest - (high - sum);
}
