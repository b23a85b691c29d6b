import { telemetry_log_asm } from "./env";
import { allocate, release } from "./memory";
import { utf8Bound, writeUtf8 } from "./text";

let targetPtr: usize = 0;
let targetLen: usize = 0;

/** Sets what log lines name as their origin; generated code passes the id of the function. */
export function setLogTarget(ptr: usize, len: usize): void {
  targetPtr = ptr;
  targetLen = len;
}

function write(level: usize, message: string): void {
  const bound = utf8Bound(message);
  const ptr = allocate(bound);
  telemetry_log_asm(level, targetPtr, targetLen, ptr, writeUtf8(message, ptr));
  release(ptr, bound);
}

/** Log lines, with the id of the function as target. */
export namespace log {
  /** Level 1. */
  export function error(message: string): void {
    write(1, message);
  }
  /** Level 2. */
  export function warn(message: string): void {
    write(2, message);
  }
  /** Level 3. */
  export function info(message: string): void {
    write(3, message);
  }
  /** Level 4. */
  export function debug(message: string): void {
    write(4, message);
  }
  /** Level 5. */
  export function trace(message: string): void {
    write(5, message);
  }
  /** Writes `len` bytes of UTF-8 at `ptr` with a level of 1 (error) to 5 (trace). */
  export function bytes(level: usize, ptr: usize, len: usize): void {
    telemetry_log_asm(level, targetPtr, targetLen, ptr, len);
  }
}

/** A telemetry entry with a target of its own; level 1 (error) to 5 (trace). */
export function telemetry(level: i32, target: string, message: string): void {
  const bound = utf8Bound(target) + utf8Bound(message);
  const ptr = allocate(bound);
  const length = writeUtf8(target, ptr);
  telemetry_log_asm(level, ptr, length, ptr + length, writeUtf8(message, ptr + length));
  release(ptr, bound);
}
