import { MARGIN_VARIABLES, VARIABLE_BYTES } from "../../embedded/board-limits.js";
import { DEVICE_FULL, DeviceFault } from "../../embedded/device-fault.js";

/** Variables of a function in the text of a translated one, which itself stays in flash. */
const FUNCTION_VARIABLES = 9;
/** What such a function has in the text. */
const ARROW = "=>";
/** Variables that calls take while a function starts or handles an event. */
const CALL_VARIABLES = 250;

/** How the text of a translated function asks for its memory. */
const MEMORY = "new ArrayBuffer(";

/** Bytes that functions may take, as far as a board can tell. */
export function freeMemoryBytes(): number {
  return Math.max(0, (process.memory(true).free - MARGIN_VARIABLES) * VARIABLE_BYTES);
}

/**
 * Makes sure that a translated function has room: an interpreter that runs out of variables ends whatever runs, and nothing can
 * catch that.
 * @throws DeviceFault when it would not fit
 */
export function needMemoryFor(text: string): void {
  const at = text.indexOf(MEMORY);
  const bytes = at < 0 ? 0 : parseInt(text.substr(at + MEMORY.length, 8), 10);
  let functions = 1;
  for (let next = text.indexOf(ARROW); next >= 0; next = text.indexOf(ARROW, next + 2)) functions++;
  const need = bytes / VARIABLE_BYTES + functions * FUNCTION_VARIABLES + CALL_VARIABLES;
  const { free } = process.memory(true);
  if (free < need) throw new DeviceFault(DEVICE_FULL, `${Math.ceil(need)} variables, ${free} are free`);
}
