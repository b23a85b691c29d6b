import { lastNumberError, NumberError, numberErrorText } from "./number-error";
import { f32Text as textOfF32, f64Text as textOfF64 } from "./float-text";
import { parseF32 as f32At, parseF64 as f64At } from "./parse-float";
import { parseI32 as i32At, parseI64 as i64At, parseU32 as u32At, parseU64 as u64At } from "./parse-integer";

/**
 * Numbers as text, by the rules of the Rust standard library, because what one function writes another one reads:
 * strict reading with its error texts, shortest writing without exponent.
 */
export namespace num {
  /** Reads an i32: an optional `+` or `-` and digits, nothing else. 0 when refused, also for being out of range; see `ok`. */
  export function parseI32(text: string): i32 {
    return i32At(changetype<usize>(text), text.length, 1);
  }
  /** Reads a u32: an optional `+` and digits, nothing else. 0 when refused; see `ok`. */
  export function parseU32(text: string): u32 {
    return u32At(changetype<usize>(text), text.length, 1);
  }
  /** Reads an i64 as `parseI32` does. 0 when refused; see `ok`. */
  export function parseI64(text: string): i64 {
    return i64At(changetype<usize>(text), text.length, 1);
  }
  /** Reads a u64 as `parseU32` does. 0 when refused; see `ok`. */
  export function parseU64(text: string): u64 {
    return u64At(changetype<usize>(text), text.length, 1);
  }
  /**
   * Reads an f32, correctly rounded: also exponents, a leading or trailing dot, and `inf`, `infinity`, `nan` in any case. What is
   * too large becomes infinite. 0 when refused; see `ok`.
   */
  export function parseF32(text: string): f32 {
    return f32At(changetype<usize>(text), text.length, 1);
  }
  /** Reads an f64 as `parseF32` does. 0 when refused; see `ok`. */
  export function parseF64(text: string): f64 {
    return f64At(changetype<usize>(text), text.length, 1);
  }
  /** Reads an f32 from `len` bytes of UTF-8 at `ptr`, as `parseF32` does. */
  export function parseF32At(ptr: usize, len: usize): f32 {
    return f32At(ptr, len, 0);
  }
  /** True when the last reading succeeded. */
  export function ok(): boolean {
    return lastNumberError() == NumberError.None;
  }
  /** What the last reading found wrong, as Rust words it; empty when nothing. */
  export function reason(): string {
    return numberErrorText(lastNumberError());
  }
  /** Shortest decimal that reads back as this f32, never with an exponent: `5`, `-0`, `0.1`, `inf`, `NaN`. */
  export function f32Text(value: f32): string {
    return textOfF32(value);
  }
  /** Shortest decimal that reads back as this f64, never with an exponent. */
  export function f64Text(value: f64): string {
    return textOfF64(value);
  }
}
