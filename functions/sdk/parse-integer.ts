import { NumberError, noteNumberError } from "./number-error";

// Texts are read in place: UTF-8 bytes with `shift` 0, the UTF-16 code units of a string with `shift` 1.

/** The code unit at an index. */
export function unitAt(ptr: usize, index: usize, shift: usize): u32 {
  return codeUnit(ptr + (index << shift), shift);
}

function codeUnit(at: usize, shift: usize): u32 {
  return shift ? <u32>load<u16>(at) : <u32>load<u8>(at);
}

let negative: boolean = false;

/**
 * Reads digits, optionally after a sign, as Rust does: no spaces, at least one digit, errors from left to right.
 * Each width has a copy of its own, because 64 bits are slow on targets without them.
 * @param most greatest number allowed, without its last digit
 * @param last its last digit; a negative number may be one further from zero
 * @param signed whether a minus is allowed
 * @returns the magnitude, 0 on error; `negative` is then false
 */
function readDigits<T extends number>(ptr: usize, len: usize, shift: usize, most: T, last: u32, signed: boolean): T {
  const end = ptr + (len << shift);
  let at = skipSign(ptr, end, shift, signed);
  let value = <T>0;
  // Pointers that are only compared for being equal need no care for their sign, which is slow on some targets.
  while (at != end) {
    const digit = codeUnit(at, shift) - 0x30;
    if (digit > 9) {
      value = <T>refuse(NumberError.InvalidDigit);
      break;
    }
    if (value >= most && (value > most || digit > last + (negative ? 1 : 0))) {
      value = <T>refuse(tooFar());
      break;
    }
    value = <T>(value * <T>10 + <T>digit);
    at += 1 << shift;
  }
  return value;
}

/** Returns the place of the first digit; the end of the text when there is no digit, which is noted. */
function skipSign(ptr: usize, end: usize, shift: usize, signed: boolean): usize {
  negative = false;
  noteNumberError(ptr == end ? NumberError.EmptyInteger : NumberError.None);
  if (ptr == end) return end;
  const first = codeUnit(ptr, shift);
  const minus = first == 0x2d && signed;
  if (!minus && first != 0x2b) return ptr;
  const digits = ptr + (1 << shift);
  if (digits == end) refuse(NumberError.InvalidDigit);
  else negative = minus;
  return digits;
}

function tooFar(): NumberError {
  return negative ? NumberError.TooSmall : NumberError.TooLarge;
}

function refuse(error: NumberError): u32 {
  noteNumberError(error);
  negative = false;
  return 0;
}

/** Reads an i32; see `lastNumberError`. */
export function parseI32(ptr: usize, len: usize, shift: usize): i32 {
  const magnitude = <i32>readDigits<u32>(ptr, len, shift, 214748364, 7, true);
  return negative ? -magnitude : magnitude;
}

/** Reads a u32; see `lastNumberError`. */
export function parseU32(ptr: usize, len: usize, shift: usize): u32 {
  return readDigits<u32>(ptr, len, shift, 429496729, 5, false);
}

/** Reads an i64; see `lastNumberError`. */
export function parseI64(ptr: usize, len: usize, shift: usize): i64 {
  const magnitude = <i64>readDigits<u64>(ptr, len, shift, 922337203685477580, 7, true);
  return negative ? -magnitude : magnitude;
}

/** Reads a u64; see `lastNumberError`. */
export function parseU64(ptr: usize, len: usize, shift: usize): u64 {
  return readDigits<u64>(ptr, len, shift, 1844674407370955161, 5, false);
}
