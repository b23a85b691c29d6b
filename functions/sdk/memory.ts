import { giveBack, reserve } from "./arena-runtime";

/** Where empty blocks live: a constant address that is never null and never released. */
const EMPTY: usize = memory.data(8);

/** `Runtime.Stub` of the compiler: the function has no collector, and the runtime of `arena-runtime.ts`. */
const ARENA: i32 = 0;

/** Reserves `len` bytes outside the collected heap. */
export function allocate(len: usize): usize {
  if (ASC_RUNTIME == ARENA) return reserve(len);
  return len ? heap.alloc(len) : EMPTY;
}

/** Gives a block of `allocate(len)` back. */
export function release(ptr: usize, len: usize): void {
  if (ASC_RUNTIME == ARENA) giveBack(ptr, len);
  else if (ptr != EMPTY) heap.free(ptr);
}
