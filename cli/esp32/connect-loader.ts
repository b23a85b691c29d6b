import type { BytePort } from "../../esp32/tools/byte-port.js";
import { RomLoader } from "../../esp32/tools/rom-loader.js";
import { systemClock } from "../../platform/system-clock.js";
import type { Output } from "../output.js";
import { speedOf } from "./choose-port.js";
import { beforeOf, type LoaderOptions } from "./loader-options.js";

/** How often a board is reset and called at a time, and how often it is called while a person presses its buttons, or an emulator starts: half a minute. */
const ATTEMPTS = 5;
const PATIENT_ATTEMPTS = 60;

/**
 * Calls the ROM loader of a board; the port is to be closed by the caller.
 * @throws EdgelessError EDGELESS_USAGE, and those of the loader
 */
export function connectLoader(port: BytePort, options: LoaderOptions, output: Output): Promise<RomLoader> {
  const before = beforeOf(options);
  const isPersonNeeded = !port.hasSignals && before === "default-reset";
  if (isPersonNeeded)
    output.note("no reset line here: hold BOOT, press and release EN (RESET), then let BOOT go");
  return RomLoader.connect(port, systemClock, {
    baudRate: speedOf(options),
    attempts: port.hasSignals && before === "default-reset" ? ATTEMPTS : PATIENT_ATTEMPTS,
    before,
    useStub: options.stub,
    onNote: (text) => output.note(text),
    ...(options.verbose === true ? { onDetail: (line: string) => output.note(line) } : {}),
  });
}
