import { MARGIN_VARIABLES, VARIABLE_BYTES } from "../../embedded/board-limits.js";
import { DEVICE_FULL, DeviceFault } from "../../embedded/device-fault.js";

/** Variables of a function in the text of a translated one, which itself stays in flash; on average. */
const FUNCTION_VARIABLES = 8.5;
/** What such a function has in the text. */
const ARROW = "=>";
/** Variables that must be left while a function starts, for what it does then; when it has started, some 200 more are free. */
const START_VARIABLES = 220;

/** Variables that must stay free for a function that handles an event, those that are needed still while it does, and for a long message. */
const WORK_VARIABLES = 240;
const INSIDE_VARIABLES = 100;
const LONG_VARIABLES = 260;
/** How often bytes that wait are in memory when they are sent. */
const COPIES = 3;

/** How the text of a translated function asks for its memory. */
const MEMORY = "new ArrayBuffer(";

/** Bytes that functions may take, as far as a board can tell. */
export function freeMemoryBytes(): number {
  return Math.max(0, (process.memory(true).free - MARGIN_VARIABLES) * VARIABLE_BYTES);
}

/** True when so many bytes more may be kept. */
export function hasRoomFor(bytes: number, isInside: boolean): boolean {
  return areFree((isInside ? INSIDE_VARIABLES : WORK_VARIABLES) + (COPIES * bytes) / VARIABLE_BYTES);
}

/** True when a long message can be taken. */
export function hasRoomForMessage(): boolean {
  return areFree(LONG_VARIABLES);
}

/** Garbage is only looked for when it matters. */
function areFree(variables: number): boolean {
  return process.memory(false).free >= variables || process.memory(true).free >= variables;
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
  const need = bytes / VARIABLE_BYTES + functions * FUNCTION_VARIABLES + START_VARIABLES;
  const { free } = process.memory(true);
  if (free < need) throw new DeviceFault(DEVICE_FULL, `${Math.ceil(need)} variables, ${free} are free`);
}
