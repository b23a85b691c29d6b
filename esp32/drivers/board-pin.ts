import { BAD_RESOURCE_CONFIG, DeviceFault } from "../../embedded/device-fault.js";

/** Pins that the flash memory and the console of a chip need. */
const TAKEN_ESP32 = " D1 D3 D6 D7 D8 D9 D10 D11 ";
const TAKEN_C3 = " D11 D12 D13 D14 D15 D16 D17 D18 D19 D20 D21 ";
const TAKEN_S3 = " D19 D20 D26 D27 D28 D29 D30 D31 D32 D43 D44 ";

/** The pin of a name. @throws DeviceFault when the board has none of that name, or needs it itself */
export function boardPin(name: string): BoardPin {
  const pin = Pin(name);
  // Interpreter 2v29's indexOf finds what only begins at the end of a text; its lastIndexOf does not.
  if (pin === undefined || takenPins().lastIndexOf(` ${name} `) >= 0)
    throw new DeviceFault(BAD_RESOURCE_CONFIG, `no free pin ${name}`);
  return pin;
}

function takenPins(): string {
  const board = process.env.BOARD;
  return board === "ESP32C3" ? TAKEN_C3 : board === "ESP32S3" ? TAKEN_S3 : TAKEN_ESP32;
}

/**
 * True when the interpreter turns the levels of a pin around, pulls included: D0 of an ESP32 is its button BOOT, which is to read 1
 * when it is pressed.
 */
function isTurned(name: string): boolean {
  return name === "D0" && process.env.BOARD === "ESP32";
}

/** The level of the wire at a pin by the level that the interpreter reads or writes there, and the other way round. */
export function wireLevel(name: string, level: number): number {
  return isTurned(name) ? 1 - level : level;
}

/** Makes a pin an input. @param pull what its wire is pulled to: "up", "down" or "" */
export function setInput(name: string, pull: string): void {
  const turned = !isTurned(name) ? pull : pull === "up" ? "down" : "up";
  pinMode(boardPin(name), pull === "" ? "input" : `input_pull${turned}`);
}
