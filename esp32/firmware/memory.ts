import { DEVICE_FULL, DeviceFault } from "../../embedded/device-fault.js";

/** Variables that stay free for what runs: events in work, timers, the interpreter itself. */
const MARGIN = 300;

/** Bytes of a variable of a board. */
const VARIABLE_BYTES = 14;

/** Characters of a translated function that need a variable. */
const TEXT_PER_VARIABLE = 12;
/** Variables that calls take while a function starts. */
const START_VARIABLES = 80;

/** How the text of a translated function asks for its memory. */
const MEMORY = "new ArrayBuffer(";

/** Bytes that functions may take, as far as a board can tell. */
export function freeMemoryBytes(): number {
  return Math.max(0, (process.memory(true).free - MARGIN) * VARIABLE_BYTES);
}

/**
 * Makes sure that a translated function has room: an interpreter that runs out of variables ends whatever runs, and nothing can
 * catch that.
 * @throws DeviceFault when it would not fit
 */
export function needMemoryFor(text: string): void {
  const at = text.indexOf(MEMORY);
  const bytes = at < 0 ? 0 : parseInt(text.substr(at + MEMORY.length, 8), 10);
  const need = bytes / VARIABLE_BYTES + text.length / TEXT_PER_VARIABLE + START_VARIABLES;
  const { free } = process.memory(true);
  if (free < need) throw new DeviceFault(DEVICE_FULL, `${Math.ceil(need)} variables, ${free} are free`);
}
