/** Where empty blocks live: a constant address that is never null and never released. */
const EMPTY: usize = memory.data(8);

/** Reserves `len` bytes outside the collected heap. */
export function allocate(len: usize): usize {
  return len ? heap.alloc(len) : EMPTY;
}

/** Gives a block of `allocate` back. */
export function release(ptr: usize): void {
  if (ptr != EMPTY) heap.free(ptr);
}
