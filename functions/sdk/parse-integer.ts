import { NumberError, noteNumberError } from "./number-error";

// Texts are read in place: UTF-8 bytes with `shift` 0, the UTF-16 code units of a string with `shift` 1.

/** The code unit at an index. */
export function unitAt(ptr: usize, index: usize, shift: usize): u32 {
  return shift ? <u32>load<u16>(ptr + (index << 1)) : <u32>load<u8>(ptr + index);
}

let negative: boolean = false;

/**
 * Reads digits, optionally after a sign, as Rust does: no spaces, at least one digit, errors from left to right.
 * @param max greatest magnitude allowed
 * @param min greatest magnitude allowed after a minus; 0 means that a minus is not allowed at all
 * @returns the magnitude, 0 on error; `negative` is then false
 */
function readDigits(ptr: usize, len: usize, shift: usize, max: u32, min: u32): u32 {
  let at = readSign(ptr, len, shift, min != 0);
  const limit = negative ? min : max;
  let value: u32 = 0;
  for (; at < len; at++) {
    const digit = unitAt(ptr, at, shift) - 0x30;
    if (digit > 9) return refuse(NumberError.InvalidDigit);
    if (value > (limit - digit) / 10) return refuse(negative ? NumberError.TooSmall : NumberError.TooLarge);
    value = value * 10 + digit;
  }
  return value;
}

/** The same with 64 bits, apart from it because 64 bits are slow on targets without them. */
function readDigits64(ptr: usize, len: usize, shift: usize, max: u64, min: u64): u64 {
  let at = readSign(ptr, len, shift, min != 0);
  const limit = negative ? min : max;
  let value: u64 = 0;
  for (; at < len; at++) {
    const digit = unitAt(ptr, at, shift) - 0x30;
    if (digit > 9) return refuse(NumberError.InvalidDigit);
    if (value > (limit - digit) / 10) return refuse(negative ? NumberError.TooSmall : NumberError.TooLarge);
    value = value * 10 + digit;
  }
  return value;
}

/** Returns the index of the first digit; the end of the text when there is no digit, which is noted. */
function readSign(ptr: usize, len: usize, shift: usize, signed: boolean): usize {
  negative = false;
  noteNumberError(len ? NumberError.None : NumberError.EmptyInteger);
  if (!len) return 0;
  const first = unitAt(ptr, 0, shift);
  const minus = first == 0x2d && signed;
  if (!minus && first != 0x2b) return 0;
  if (len == 1) refuse(NumberError.InvalidDigit);
  else negative = minus;
  return 1;
}

function refuse(error: NumberError): u32 {
  noteNumberError(error);
  negative = false;
  return 0;
}

/** Reads an i32; see `lastNumberError`. */
export function parseI32(ptr: usize, len: usize, shift: usize): i32 {
  const magnitude = <i32>readDigits(ptr, len, shift, 0x7fffffff, 0x80000000);
  return negative ? -magnitude : magnitude;
}

/** Reads a u32; see `lastNumberError`. */
export function parseU32(ptr: usize, len: usize, shift: usize): u32 {
  return readDigits(ptr, len, shift, u32.MAX_VALUE, 0);
}

/** Reads an i64; see `lastNumberError`. */
export function parseI64(ptr: usize, len: usize, shift: usize): i64 {
  const magnitude = <i64>readDigits64(ptr, len, shift, <u64>i64.MAX_VALUE, <u64>1 << 63);
  return negative ? -magnitude : magnitude;
}

/** Reads a u64; see `lastNumberError`. */
export function parseU64(ptr: usize, len: usize, shift: usize): u64 {
  return readDigits64(ptr, len, shift, u64.MAX_VALUE, 0);
}
