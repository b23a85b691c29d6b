import { NumberError, noteNumberError } from "./number-error";

// Texts are read in place: UTF-8 bytes with `shift` 0, the UTF-16 code units of a string with `shift` 1.

/** The code unit at an index. */
export function unitAt(ptr: usize, index: usize, shift: usize): u32 {
  return shift ? <u32>load<u16>(ptr + (index << 1)) : <u32>load<u8>(ptr + index);
}

/**
 * Reads digits, optionally after a sign, as Rust does: no spaces, at least one digit, errors from left to right.
 * @param max greatest value allowed
 * @param min magnitude of the least value allowed; 0 means that a minus sign is not a digit
 * @returns the value (negative ones in two's complement), 0 on error
 */
function parseDigits<T>(ptr: usize, len: usize, shift: usize, max: T, min: T): T {
  let error = NumberError.EmptyInteger;
  let value: T = 0 as T;
  let negative = false;
  if (len) {
    let at: usize = 0;
    const first = unitAt(ptr, 0, shift);
    negative = first == 0x2d && min != (0 as T);
    if (negative || first == 0x2b) at = 1;
    error = at == len ? NumberError.InvalidDigit : NumberError.None;
    const limit = negative ? min : max;
    for (; at < len; at++) {
      const digit = unitAt(ptr, at, shift) - 0x30;
      if (digit > 9) {
        error = NumberError.InvalidDigit;
        break;
      }
      if (value > (limit - <T>digit) / <T>10) {
        error = negative ? NumberError.TooSmall : NumberError.TooLarge;
        break;
      }
      value = value * <T>10 + <T>digit;
    }
  }
  noteNumberError(error);
  return error != NumberError.None ? (0 as T) : negative ? ((0 as T) - value) as T : value;
}

/** Reads an i32; see `lastNumberError`. */
export function parseI32(ptr: usize, len: usize, shift: usize): i32 {
  return <i32>parseDigits<u32>(ptr, len, shift, 0x7fffffff, 0x80000000);
}

/** Reads a u32; see `lastNumberError`. */
export function parseU32(ptr: usize, len: usize, shift: usize): u32 {
  return parseDigits<u32>(ptr, len, shift, u32.MAX_VALUE, 0);
}

/** Reads an i64; see `lastNumberError`. */
export function parseI64(ptr: usize, len: usize, shift: usize): i64 {
  return <i64>parseDigits<u64>(ptr, len, shift, <u64>i64.MAX_VALUE, 1 << 63);
}

/** Reads a u64; see `lastNumberError`. */
export function parseU64(ptr: usize, len: usize, shift: usize): u64 {
  return parseDigits<u64>(ptr, len, shift, u64.MAX_VALUE, 0);
}
