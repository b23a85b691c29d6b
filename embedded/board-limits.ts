// What a board with the interpreter offers to functions. The firmware keeps to it, and so does the emulated board of that kind.

/** Bytes of a variable of the interpreter, of which everything is made. */
export const VARIABLE_BYTES = 14;

/** Variables that are free, at least, when the runtime is idle and registered, of some 2,770. */
export const FREE_VARIABLES = 1710;

/** Variables that stay free for what runs: events in work, timers, the interpreter itself. */
export const MARGIN_VARIABLES = 300;

/**
 * Memory of one function, bytes, unless the settings of the board say something else: enough for most functions of the usual
 * profile, and two small ones fit into a board.
 */
export const FUNCTION_MEMORY_BYTES = 4608;

/** Largest image, bytes. Images are written to flash as they come; those of functions that fit into the memory are shorter. */
export const IMAGE_BYTES = 32_768;

/** Largest payload of an event, bytes. */
export const PAYLOAD_BYTES = 512;

/** Largest state that a function may keep, bytes. */
export const STATE_BYTES = 512;
