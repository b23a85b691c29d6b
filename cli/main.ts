import { CommanderError } from "commander";
import { EdgelessError } from "../core/errors.js";
import { loadProgram } from "./load-program.js";
import { printError } from "./output.js";

// Whoever reads may stop reading, which is no fault of the command.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}

try {
  const program = await loadProgram(process.argv.slice(2));
  await program.parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    printError(error, process.argv.includes("--json"));
    process.exitCode = error instanceof EdgelessError && error.code === "EDGELESS_USAGE" ? 2 : 1;
  }
}
