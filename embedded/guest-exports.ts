/** Exports of the guest ABI by number: their place in what a translated function gives, after its memory. */
export const MEM_ALLOC = 1;
export const MEM_FREE = 2;
export const MEM_CLEAR = 3;
export const HANDLE_INIT = 4;
export const HANDLE_CAST = 5;
export const HANDLE_CALL = 6;
export const HANDLE_STOP = 7;
