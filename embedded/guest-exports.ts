/** Exports of the guest ABI by number: their place in what a translated function gives, after its memory. */
export const MEM_ALLOC = 1;
export const MEM_FREE = 2;
export const MEM_CLEAR = 3;
export const HANDLE_INIT = 4;
export const HANDLE_CAST = 5;
export const HANDLE_CALL = 6;
export const HANDLE_STOP = 7;

/** Their names, in the order of their numbers. */
export const GUEST_EXPORT_NAMES = [
  "",
  "edgeless_mem_alloc",
  "edgeless_mem_free",
  "edgeless_mem_clear",
  "handle_init_asm",
  "handle_cast_asm",
  "handle_call_asm",
  "handle_stop_asm",
] as const;
