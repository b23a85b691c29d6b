import { EdgelessError } from "../core/errors.js";
import { translateModule } from "../toolchain/translate/translate.js";
import type { Inputs, MeasuringInterpreter } from "./interpreter-costs.js";
import type { LibraryModule } from "./translation-sizes.js";
import type { RunningCosts } from "./translation-table.js";

/** Memories for a function; a board gives it the first one unless its settings say something else. */
const MEMORIES = [4096, 8192, 12_288];

const INPUTS: Inputs = { init: "", event: "21" };

/** For functions that trap without settings of their own, or that need more memory than boards have. */
const OTHER_INPUTS: Readonly<Record<string, Inputs>> = {
  filter_in_range: { init: "0,100", event: "21" },
  http_write_number: { init: "192.0.2.1:80", event: "21" },
  matrix_mul: { init: "matrix_size=2", event: "21" },
  moving_avg: { init: "2", event: "21" },
  trigger: { init: "out_type=counter,arrival=c(1000)", event: "" },
  vector_mul: { init: "input_size=2", event: "21,1.5,2" },
};

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
    const costs =
      code === undefined ? undefined : await interpreter.measure(code, OTHER_INPUTS[id] ?? INPUTS);
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
