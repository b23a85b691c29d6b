import type { Command } from "commander";
import { EdgelessError } from "../../core/errors.js";
import { abiFaults } from "../../toolchain/image/check-abi.js";
import { inspectModule } from "../../toolchain/image/inspect.js";
import { aboutFile } from "../functions/about-file.js";
import { formatModule } from "../functions/format-module.js";
import { moduleVerdicts } from "../functions/module-verdicts.js";
import { readModule } from "../functions/read-module.js";
import { createOutput } from "../output.js";

/** `edgeless function inspect`: what a module is made of, and where it runs. */
export function addInspectCommand(group: Command): void {
  group
    .command("inspect <FILE>")
    .description("print what a .wasm file imports, exports and uses, and where it runs and why not")
    .option("--json", "print results as JSON")
    .action(async (file: string, options: { json?: boolean }) => {
      const wasm = readModule(file);
      const info = await aboutFile(file, () => inspectModule(wasm));
      const faults = abiFaults(info);
      const targets = moduleVerdicts(wasm, info);
      const output = createOutput(options.json === true);
      output.result(formatModule(file, info, faults, targets), { file, ...info, abiFaults: faults, targets });
      const [fault] = faults;
      if (fault !== undefined)
        throw new EdgelessError("EDGELESS_WASM_ABI", `${file} is no function: ${fault}`);
    });
}
