import { relative } from "node:path";
import type { Command } from "commander";
import { createFunction } from "../../toolchain/assemblyscript/create-function.js";
import { createOutput } from "../output.js";

/** `edgeless function new`: a folder to start a function from. */
export function addNewCommand(group: Command): void {
  group
    .command("new <NAME>")
    .description("make a folder with a function that builds, a test of it and a workflow")
    .option("--json", "print results as JSON")
    .action((name: string, options: { json?: boolean }) => {
      const folder = createFunction(".", name);
      const output = createOutput(options.json === true);
      output.result(`made ${relative(".", folder)}`, { folder });
      output.note(`Next: edgeless function build ${name} && edgeless function test ${name}`);
    });
}
