import { RUNTIME_JS } from "../coap-api/operations/register.js";
import { VARIABLE_BYTES } from "../embedded/board-limits.js";
import { DeviceFault, OUT_OF_MEMORY } from "../embedded/device-fault.js";
import type { Engine, Guest, GuestImports } from "../embedded/engine.js";
import type { FlashStorage } from "../embedded/hardware.js";
import { TranslatedEngine } from "../embedded/translated-engine.js";
import { TURNS_AT_ONCE } from "../embedded/translated-guest.js";
import type { BoardContext } from "./board-context.js";
import type { MemoryBudget } from "./memory-budget.js";

/** Variables of a board's interpreter that a function takes while its text lies in flash. */
const FUNCTION_VARIABLES = 8;
/** Variables of a guest beside its functions and its memory. */
const GUEST_VARIABLES = 40;

/** Runs translated functions with the memory and the speed of a board. */
export class JsEngine implements Engine {
  readonly runtime = RUNTIME_JS;
  readonly #memory: MemoryBudget;
  readonly #engine: TranslatedEngine;

  /** @param context is shared, so that a thousand boards evaluate a text once */
  constructor(context: BoardContext, memory: MemoryBudget, turnsPerMs: number) {
    this.#memory = memory;
    // The guest looks at the clock each time that it has used up its turns, so they are the clock.
    let nowMs = 0;
    this.#engine = new TranslatedEngine(
      (text) => context.evaluate(text),
      () => {
        nowMs += TURNS_AT_ONCE / turnsPerMs;
        return nowMs;
      },
    );
  }

  load(
    storage: FlashStorage,
    name: string,
    imports: GuestImports,
    maxMemoryBytes: number,
    maxRunTimeMs: number,
  ): Guest {
    const guest = this.#engine.load(storage, name, imports, maxMemoryBytes, maxRunTimeMs);
    const bytes = guest.memory().length + closureBytes(storage.readText(name) ?? "");
    if (!this.#memory.take(bytes))
      throw new DeviceFault(
        OUT_OF_MEMORY,
        `it needs ${bytes} bytes, the board has ${this.#memory.freeBytes}`,
      );
    const close = guest.close.bind(guest);
    let held = bytes;
    guest.close = () => {
      this.#memory.take(-held);
      held = 0;
      close();
    };
    return guest;
  }
}

/** What the functions of a text, which itself stays in flash, take of a board's memory. */
export function closureBytes(text: string): number {
  const functions = text.split("=>").length - 1;
  return VARIABLE_BYTES * (GUEST_VARIABLES + FUNCTION_VARIABLES * functions);
}
