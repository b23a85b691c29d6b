/**
 * Functions that stay in memory, because an event meets them on its way: made anew from flash at each use, one costs a board about a
 * millisecond and a half. Everything else costs no variable until it runs.
 */
export const HOT_FUNCTIONS: readonly string[] = [];
