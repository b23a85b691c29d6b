import { InstanceId } from "./instance-id";
import { lastNumberError, NumberError, numberErrorText } from "./number-error";
import { parseI32, parseI64, parseU32, parseU64 } from "./parse-integer";
import { parseF32, parseF64 } from "./parse-float";
import { readUtf8 } from "./text";

/** What arrived. It borrows the host's buffers: keep nothing but copies (`text`, `source`) beyond the handler. */
export class Event {
  /** Address of the payload, UTF-8 without terminator. */
  ptr: usize = 0;
  /** Length of the payload in bytes. */
  len: usize = 0;
  /** Address of the 16 bytes of the sender's node id. */
  sourceNodePtr: usize = 0;
  /** Address of the 16 bytes of the sender's function id. */
  sourceFunctionPtr: usize = 0;
  /** Why the last number reader refused the payload. */
  error: NumberError = NumberError.None;

  /** True when the last number reader accepted the payload. */
  get ok(): boolean {
    return this.error == NumberError.None;
  }

  /** The payload, copied. */
  get text(): string {
    return readUtf8(this.ptr, this.len);
  }

  /** True when the payload is empty. */
  get isEmpty(): boolean {
    return this.len == 0;
  }

  /** Who sent it, copied. */
  get source(): InstanceId {
    return InstanceId.read(this.sourceNodePtr, this.sourceFunctionPtr);
  }

  /** What the last number reader found wrong, as Rust words it; empty when `ok`. */
  get reason(): string {
    return numberErrorText(this.error);
  }

  /** The payload as i32, strictly; 0 and `ok` false when it is anything else. */
  i32(): i32 {
    const value = parseI32(this.ptr, this.len, 0);
    this.error = lastNumberError();
    return value;
  }

  /** The payload as u32, strictly; 0 and `ok` false when it is anything else. */
  u32(): u32 {
    const value = parseU32(this.ptr, this.len, 0);
    this.error = lastNumberError();
    return value;
  }

  /** The payload as i64, strictly; 0 and `ok` false when it is anything else. */
  i64(): i64 {
    const value = parseI64(this.ptr, this.len, 0);
    this.error = lastNumberError();
    return value;
  }

  /** The payload as u64, strictly; 0 and `ok` false when it is anything else. */
  u64(): u64 {
    const value = parseU64(this.ptr, this.len, 0);
    this.error = lastNumberError();
    return value;
  }

  /** The payload as f32, strictly; 0 and `ok` false when it is anything else. */
  f32(): f32 {
    const value = parseF32(this.ptr, this.len, 0);
    this.error = lastNumberError();
    return value;
  }

  /** The payload as f64, strictly; 0 and `ok` false when it is anything else. */
  f64(): f64 {
    const value = parseF64(this.ptr, this.len, 0);
    this.error = lastNumberError();
    return value;
  }
}
