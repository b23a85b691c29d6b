import { BAD_RESOURCE_CONFIG, DeviceFault } from "../../embedded/device-fault.js";

/** Pins of the ESP32 that its flash memory and its console need. */
const TAKEN = " D1 D3 D6 D7 D8 D9 D10 D11 ";

/** The pin of a name. @throws DeviceFault when the board has none of that name, or needs it itself */
export function boardPin(name: string): BoardPin {
  const pin = Pin(name);
  // Interpreter 2v29's indexOf finds what only begins at the end of a text; its lastIndexOf does not.
  if (pin === undefined || TAKEN.lastIndexOf(` ${name} `) >= 0)
    throw new DeviceFault(BAD_RESOURCE_CONFIG, `no free pin ${name}`);
  return pin;
}
