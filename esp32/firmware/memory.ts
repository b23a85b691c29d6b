/** Variables that stay free for what runs: events in work, timers, the interpreter itself. */
const MARGIN = 300;

/** Bytes of a variable; more on interpreters with more of them. */
const BLOCK = 14;

/** Bytes that functions may take, as a board counts them. */
export function freeMemoryBytes(): number {
  return Math.max(0, (process.memory(true).free - MARGIN) * BLOCK);
}
