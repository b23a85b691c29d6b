import { RUNTIME_JS } from "../coap-api/operations/register.js";
import { BAD_WASM, DeviceFault, OUT_OF_MEMORY } from "./device-fault.js";
import type { Engine, Guest, GuestImports } from "./engine.js";
import type { FlashStorage } from "./hardware.js";
import { TranslatedGuest, type TranslatedImage } from "./translated-guest.js";

/** Runs function images of the run-time `js`: functions that were translated to JavaScript for boards without WebAssembly. */
export class TranslatedEngine implements Engine {
  readonly runtime: number;
  private readonly evaluate: (text: string) => unknown;
  private readonly nowMs: () => number;

  /**
   * @param evaluate gives the value of an expression, whose text on a board stays in flash
   * @param nowMs a clock that does not go back; a function looks at it after every so many turns of its loops
   */
  constructor(evaluate: (text: string) => unknown, nowMs: () => number) {
    this.runtime = RUNTIME_JS;
    this.evaluate = evaluate;
    this.nowMs = nowMs;
  }

  load(
    storage: FlashStorage,
    name: string,
    imports: GuestImports,
    maxMemoryBytes: number,
    maxRunTimeMs: number,
  ): Guest {
    const text = storage.readText(name);
    if (text === undefined || text.charAt(0) !== "(")
      throw new DeviceFault(BAD_WASM, "not a translated function");
    const image = this.evaluate(text) as TranslatedImage;
    const guest = new TranslatedGuest(image, imports, this.nowMs, maxRunTimeMs);
    const { length } = guest.memory();
    if (length > maxMemoryBytes)
      throw new DeviceFault(OUT_OF_MEMORY, `${length} bytes of memory, ${maxMemoryBytes} allowed`);
    return guest;
  }
}
