import { readFileSync } from "node:fs";
import { Command } from "commander";
import { repositoryFile } from "./repository-file.js";

/** The command `edgeless` without sub-commands. */
export function baseProgram(): Command {
  return new Command("edgeless")
    .description("EDGELESS, the serverless platform for the edge")
    .version(versionOf(readFileSync(repositoryFile("package.json"), "utf8")), "--version")
    .option("-c, --config-file <FILE>", "client configuration (default: cli.toml if it is there)")
    .option("-t, --template <FILE>", "write a default client configuration to FILE and exit")
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError("(add --help for the usage)");
}

/** The command `function`, which groups others. */
export function functionGroup(program: Command): Command {
  return program.command("function").description("write, build, try and test functions");
}

function versionOf(packageJson: string): string {
  const { version } = JSON.parse(packageJson) as { version: string };
  return version;
}
