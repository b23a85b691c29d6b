import { EdgelessError } from "../../core/errors.js";
import { BOARD_PROFILES } from "../../emulator/board-profile.js";
import { DEFAULT_FUNCTION_SETTINGS } from "../../node/functions/function-settings.js";
import type { ModuleInfo } from "../../toolchain/image/module-info.js";
import { type ImageTarget, judgeTargets } from "../../toolchain/image/target-verdict.js";
import { translateModule } from "../../toolchain/translate/translate.js";

/** Where a module runs: on nodes, on boards with an engine for it, and translated on those without. */
export interface ModuleVerdict {
  readonly target: ImageTarget | "board";
  readonly runs: boolean;
  /** One sentence each, why not. */
  readonly reasons: readonly string[];
  /** What a board without an engine is sent instead of the module: its size, and its memory at the start. */
  readonly translated?: { readonly bytes: number; readonly memoryBytes: number };
}

const PAGE = 65_536;

/** What stands against running a module on each target, as nodes and boards are when nobody sets their limits. */
export function moduleVerdicts(wasm: Uint8Array, info: ModuleInfo): ModuleVerdict[] {
  const { esp32, "esp32-wasm": wasmBoard } = BOARD_PROFILES;
  const limits = {
    node: { maxMemoryPages: DEFAULT_FUNCTION_SETTINGS.maxMemoryMib * 16 },
    device: { maxMemoryPages: Math.floor((wasmBoard?.functionMemoryBytes ?? PAGE) / PAGE) },
  };
  const verdicts = judgeTargets(info, limits).map((verdict): ModuleVerdict => {
    if (verdict.target !== "device") return verdict;
    const reasons = [...verdict.reasons, ...sizeReasons("module", wasm.length, wasmBoard?.maxImageBytes)];
    return { ...verdict, reasons, runs: reasons.length === 0 };
  });
  return [...verdicts, translatedVerdict(wasm, esp32?.functionMemoryBytes, esp32?.maxImageBytes)];
}

function translatedVerdict(wasm: Uint8Array, maxMemoryBytes = 0, maxImageBytes = 0): ModuleVerdict {
  try {
    const { code, memoryBytes } = translateModule(wasm, { maxMemoryBytes });
    const reasons = sizeReasons("translated function", code.length, maxImageBytes);
    const translated = { bytes: code.length, memoryBytes };
    return { target: "board", runs: reasons.length === 0, reasons, translated };
  } catch (error) {
    if (!(error instanceof EdgelessError)) throw error;
    return { target: "board", runs: false, reasons: [error.message] };
  }
}

function sizeReasons(what: string, bytes: number, limit = 0): string[] {
  return bytes > limit ? [`the ${what} has ${bytes} bytes, ${limit} are allowed`] : [];
}
