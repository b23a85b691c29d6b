import { BAD_WASM, DeviceFault } from "../../embedded/device-fault.js";
import { needMemoryFor } from "./memory.js";

/** How the text of a translated function starts, goes on after its parameter, and ends. */
const START = "(function(";
const BODY = "){";
const END = "})";

/**
 * Gives the function that the text of an image stands for. It is made from its body, which stays in flash: nothing has to be read
 * beforehand, and its only scope is the outermost one.
 * @throws DeviceFault when it is of another form, or there is no room for it
 */
export function evaluateImage(text: string): unknown {
  const head = text.indexOf(BODY);
  const tail = text.length - END.length;
  if (text.substr(0, START.length) !== START || text.substr(tail) !== END || head < 0 || head >= tail)
    throw new DeviceFault(BAD_WASM, "not a translated function");
  needMemoryFor(text);
  const body = head + BODY.length;
  return Function(text.substr(START.length, head - START.length), text.substr(body, tail - body));
}
