import { CommanderError } from "commander";
import { EdgelessError } from "../core/errors.js";
import { printError } from "./output.js";
import { createProgram } from "./program.js";

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

try {
  await createProgram().parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    printError(error, process.argv.includes("--json"));
    process.exitCode = error instanceof EdgelessError && error.code === "EDGELESS_USAGE" ? 2 : 1;
  }
}
