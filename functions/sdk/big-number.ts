// Natural numbers of limbs of 16 bits, least significant first, in memory of their own: a word with the number of limbs,
// then the limbs. Limbs of 16 bits keep all arithmetic in 32 bits, which every target has.

/**
 * Bytes of a number with 170 limbs: 771 decimal digits have 161, and a binary number that is brought to the power of ten of so many
 * digits has 164.
 */
const BIG_SIZE: usize = 344;
const BIG_NUMBERS: usize = memory.data(688);

/** The two numbers that there are, which `compareScaled` compares. */
export const decimal: usize = BIG_NUMBERS;
export const binary: usize = BIG_NUMBERS + BIG_SIZE;

/** Sets a number to a whole float below 2^53. */
export function bigSet(big: usize, value: f64): void {
  const upper = <u32>(value / 4294967296);
  const lower = <u32>(value - <f64>upper * 4294967296);
  store<u32>(big, 0);
  bigMultiplyAdd(big, 0, upper >>> 16);
  bigMultiplyAdd(big, 0x10000, upper & 0xffff);
  bigMultiplyAdd(big, 0x10000, lower >>> 16);
  bigMultiplyAdd(big, 0x10000, lower & 0xffff);
}

/** big = big * factor + addend; the factor up to 65536, the addend below it. */
export function bigMultiplyAdd(big: usize, factor: u32, addend: u32): void {
  const end = limbsEnd(big);
  let carry = addend;
  for (let at = big + 4; at != end; at += 2) {
    carry += <u32>load<u16>(at) * factor;
    store<u16>(at, carry);
    carry >>>= 16;
  }
  if (!carry) return;
  store<u16>(end, carry);
  store<u32>(big, load<u32>(big) + 1);
}

/** The sign of `decimal` * 10^exponent10 - `binary` * 2^exponent2; both numbers are lost. */
export function compareScaled(exponent10: i32, exponent2: i32): i32 {
  multiplyByPower5(exponent10 < 0 ? binary : decimal, abs(exponent10));
  const shift = exponent10 - exponent2;
  shiftLeft(shift < 0 ? binary : decimal, abs(shift));
  const length = load<u32>(decimal);
  if (length != load<u32>(binary)) return length < load<u32>(binary) ? -1 : 1;
  for (let offset: usize = 2 + (<usize>length << 1); offset != 2; offset -= 2) {
    const difference = <i32>load<u16>(decimal + offset) - <i32>load<u16>(binary + offset);
    if (difference) return difference;
  }
  return 0;
}

function multiplyByPower5(big: usize, count: i32): void {
  for (; count >= 6; count -= 6) bigMultiplyAdd(big, 15625, 0);
  for (; count; count--) bigMultiplyAdd(big, 5, 0);
}

function shiftLeft(big: usize, count: i32): void {
  if (!load<u32>(big)) return;
  const whole = <u32>count >>> 4;
  bigMultiplyAdd(big, 1 << (<u32>count & 15), 0);
  memory.copy(big + 4 + (<usize>whole << 1), big + 4, limbsEnd(big) - big - 4);
  memory.fill(big + 4, 0, <usize>whole << 1);
  store<u32>(big, load<u32>(big) + whole);
}

function limbsEnd(big: usize): usize {
  return big + 4 + (<usize>load<u32>(big) << 1);
}
