import type { Command } from "commander";
import { EdgelessError } from "../../core/errors.js";
import { DEFAULT_FUNCTION_SETTINGS } from "../../node/functions/function-settings.js";
import { readUserFile } from "../../platform/read-file.js";
import { abiFaults } from "../../toolchain/image/check-abi.js";
import { inspectModule } from "../../toolchain/image/inspect.js";
import { judgeTargets } from "../../toolchain/image/target-verdict.js";
import { formatModule } from "../functions/format-module.js";
import { createOutput } from "../output.js";

/** Pages of 64 KiB: the default of our node; what a board with a WebAssembly engine can spare. */
const LIMITS = {
  node: { maxMemoryPages: DEFAULT_FUNCTION_SETTINGS.maxMemoryMib * 16 },
  device: { maxMemoryPages: 1 },
};

/** `edgeless function inspect`: what a module is made of, and where it runs. */
export function addInspectCommand(group: Command): void {
  group
    .command("inspect <FILE>")
    .description("print what a .wasm file imports, exports and uses, and where it runs and why not")
    .option("--json", "print results as JSON")
    .action((file: string, options: { json?: boolean }) => {
      const info = inspectModule(readUserFile(file));
      const faults = abiFaults(info);
      const targets = judgeTargets(info, LIMITS);
      const output = createOutput(options.json === true);
      output.result(formatModule(file, info, faults, targets), { file, ...info, abiFaults: faults, targets });
      const [fault] = faults;
      if (fault !== undefined)
        throw new EdgelessError("EDGELESS_WASM_ABI", `${file} is no function: ${fault}`);
    });
}
