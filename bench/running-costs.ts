import { EdgelessError } from "../core/errors.js";
import { translateModule } from "../toolchain/translate/translate.js";
import type { MeasuringInterpreter } from "./interpreter-costs.js";
import type { LibraryModule } from "./translation-sizes.js";
import type { RunningCosts } from "./translation-table.js";

/** Memories for a function; a board gives it the first one unless its settings say something else. */
const MEMORIES = [4096, 8192, 12_288];

const PAYLOAD = "21";

/** Measures a module with the smallest memory with which it runs; undefined: with none. */
export async function runningCosts(
  interpreter: MeasuringInterpreter,
  { id, wasm }: LibraryModule,
): Promise<RunningCosts | undefined> {
  // An event of this one never ends.
  if (id === "infinite_test") {
    return undefined;
  }
  for (const memoryBytes of MEMORIES) {
    const code = translated(wasm, memoryBytes);
    const costs = code === undefined ? undefined : await interpreter.measure(code, PAYLOAD);
    if (costs !== undefined) {
      return { ...costs, memoryBytes };
    }
  }
  return undefined;
}

/** Undefined when its data alone takes more memory. */
function translated(wasm: Uint8Array, maxMemoryBytes: number): string | undefined {
  try {
    return translateModule(wasm, { maxMemoryBytes }).code;
  } catch (thrown) {
    if (thrown instanceof EdgelessError && thrown.code === "EDGELESS_WASM_TOO_LARGE") {
      return undefined;
    }
    throw thrown;
  }
}
