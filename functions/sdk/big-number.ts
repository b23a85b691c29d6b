// Natural numbers of limbs of 16 bits, least significant first, in memory of their own: a word with the number of limbs,
// then the limbs. Limbs of 16 bits keep all arithmetic in 32 bits, which every target has.

/** Bytes of a number with 260 limbs, which the reading of a float needs at most, and of one with 102, more than writing needs. */
export const BIG_SIZE: usize = 524;
export const SMALL_SIZE: usize = 208;

/** Room for two numbers of `BIG_SIZE` or five of `SMALL_SIZE`: nothing is read and written at the same time. */
export const BIG_NUMBERS: usize = memory.data(1048);

/** Sets a number to a small value. */
export function bigSet(big: usize, value: u32): void {
  store<u32>(big, 0);
  if (value) bigPush(big, value & 0xffff);
  if (value >>> 16) bigPush(big, value >>> 16);
}

/** big = big * factor + addend; both below 65536. */
export function bigMultiplyAdd(big: usize, factor: u32, addend: u32): void {
  const end = limbsEnd(big);
  let carry = addend;
  for (let at = big + 4; at < end; at += 2) {
    carry += <u32>load<u16>(at) * factor;
    store<u16>(at, carry);
    carry >>>= 16;
  }
  if (carry) bigPush(big, carry);
}

/** big = big * 10^count. */
export function bigMultiplyPower10(big: usize, count: i32): void {
  for (; count >= 4; count -= 4) bigMultiplyAdd(big, 10000, 0);
  for (; count > 0; count--) bigMultiplyAdd(big, 10, 0);
}

/** big = big * 2^count. */
export function bigShiftLeft(big: usize, count: i32): void {
  if (!load<u32>(big)) return;
  const whole = <u32>count >>> 4;
  bigMultiplyAdd(big, 1 << (<u32>count & 15), 0);
  if (!whole) return;
  memory.copy(big + 4 + (<usize>whole << 1), big + 4, limbsEnd(big) - big - 4);
  memory.fill(big + 4, 0, <usize>whole << 1);
  store<u32>(big, load<u32>(big) + whole);
}

/** Number of bits up to the highest one that is set. */
export function bigBits(big: usize): i32 {
  const length = load<u32>(big);
  return length ? <i32>(length << 4) - <i32>(clz(<u32>load<u16>(limbsEnd(big) - 2)) - 16) : 0;
}

/** Below zero when a < b, zero when equal, above zero when a > b. */
export function bigCompare(a: usize, b: usize): i32 {
  const length = load<u32>(a);
  if (length != load<u32>(b)) return length < load<u32>(b) ? -1 : 1;
  for (let offset: usize = 2 + (<usize>length << 1); offset > 2; offset -= 2) {
    const difference = <i32>load<u16>(a + offset) - <i32>load<u16>(b + offset);
    if (difference) return difference;
  }
  return 0;
}

/** a = a - b, where a is not less than b. */
export function bigSubtract(a: usize, b: usize): void {
  const endA = limbsEnd(a);
  const endB = limbsEnd(b);
  let borrow: i32 = 0;
  let other = b + 4;
  for (let at = a + 4; at < endA; at += 2) {
    borrow += <i32>load<u16>(at);
    if (other < endB) borrow -= <i32>load<u16>(other);
    other += 2;
    store<u16>(at, borrow);
    borrow >>= 16;
  }
  let length = load<u32>(a);
  while (length && !load<u16>(a + 2 + (<usize>length << 1))) length--;
  store<u32>(a, length);
}

/** a = a + b. */
export function bigAdd(a: usize, b: usize): void {
  const endB = limbsEnd(b);
  while (load<u32>(a) < load<u32>(b)) bigPush(a, 0);
  const endA = limbsEnd(a);
  let carry: u32 = 0;
  let other = b + 4;
  for (let at = a + 4; at < endA; at += 2) {
    carry += <u32>load<u16>(at);
    if (other < endB) carry += <u32>load<u16>(other);
    other += 2;
    store<u16>(at, carry);
    carry >>>= 16;
  }
  if (carry) bigPush(a, carry);
}

/** Copies b over a. */
export function bigCopy(a: usize, b: usize): void {
  memory.copy(a, b, limbsEnd(b) - b);
}

function limbsEnd(big: usize): usize {
  return big + 4 + (<usize>load<u32>(big) << 1);
}

function bigPush(big: usize, limb: u32): void {
  store<u16>(limbsEnd(big), limb);
  store<u32>(big, load<u32>(big) + 1);
}
