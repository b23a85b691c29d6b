import { InstanceId } from "./instance-id";
import { lastNumberError, NumberError, numberErrorText } from "./number-error";
import { parseI32, parseI64, parseU32, parseU64 } from "./parse-integer";
import { parseF32, parseF64 } from "./parse-float";
import { readUtf8 } from "./text";

// Variables rather than fields of the one object: reading them takes no memory access, which is slow on small targets.

let payloadPtr: usize = 0;
let payloadLen: usize = 0;
let nodePtr: usize = 0;
let functionPtr: usize = 0;
let numberError: NumberError = NumberError.None;

/** What arrived. It borrows the host's buffers: keep nothing but copies (`text`, `source`) beyond the handler. */
export class Event {
  /** Address of the payload, UTF-8 without terminator. */
  get ptr(): usize {
    return payloadPtr;
  }

  /** Length of the payload in bytes. */
  get len(): usize {
    return payloadLen;
  }

  /** Address of the 16 bytes of the sender's node id. */
  get sourceNodePtr(): usize {
    return nodePtr;
  }

  /** Address of the 16 bytes of the sender's function id. */
  get sourceFunctionPtr(): usize {
    return functionPtr;
  }

  /** Why the last number reader refused the payload. */
  get error(): NumberError {
    return numberError;
  }

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
    numberError = lastNumberError();
    return value;
  }

  /** The payload as u32, strictly; 0 and `ok` false when it is anything else. */
  u32(): u32 {
    const value = parseU32(this.ptr, this.len, 0);
    numberError = lastNumberError();
    return value;
  }

  /** The payload as i64, strictly; 0 and `ok` false when it is anything else. */
  i64(): i64 {
    const value = parseI64(this.ptr, this.len, 0);
    numberError = lastNumberError();
    return value;
  }

  /** The payload as u64, strictly; 0 and `ok` false when it is anything else. */
  u64(): u64 {
    const value = parseU64(this.ptr, this.len, 0);
    numberError = lastNumberError();
    return value;
  }

  /** The payload as f32, strictly; 0 and `ok` false when it is anything else. */
  f32(): f32 {
    const value = parseF32(this.ptr, this.len, 0);
    numberError = lastNumberError();
    return value;
  }

  /** The payload as f64, strictly; 0 and `ok` false when it is anything else. */
  f64(): f64 {
    const value = parseF64(this.ptr, this.len, 0);
    numberError = lastNumberError();
    return value;
  }
}

const event = new Event();

/** The event that a handler sees: one object for all events, over the buffers the host filled. */
export function beginEvent(node: usize, component: usize, ptr: usize, len: usize): Event {
  nodePtr = node;
  functionPtr = component;
  payloadPtr = ptr;
  payloadLen = len;
  return event;
}
