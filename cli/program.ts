import { readFileSync } from "node:fs";
import { Command } from "commander";
import { addBoxCommand } from "./commands/box.js";
import { addCompletionCommands } from "./commands/completion.js";
import { addDaemonCommands } from "./commands/daemon.js";
import { addDeviceCommands } from "./commands/device.js";
import { addDomainCommands } from "./commands/domain.js";
import { addEmulateCommand } from "./commands/emulate.js";
import { addEsp32Commands } from "./commands/esp32.js";
import { addBuildCommand } from "./commands/function-build.js";
import { addInspectCommand } from "./commands/function-inspect.js";
import { addInvokeCommand } from "./commands/function-invoke.js";
import { addNewCommand } from "./commands/function-new.js";
import { addRepositoryCommands } from "./commands/function-repository.js";
import { addRunCommand } from "./commands/function-run.js";
import { addTestCommand } from "./commands/function-test.js";
import { addProxyCommands } from "./commands/proxy.js";
import { addWorkflowCommands } from "./commands/workflow.js";
import { CLIENT_TEMPLATE } from "./controller-connection.js";
import { writeTemplate } from "./files/toml-file.js";
import { repositoryFile } from "./repository-file.js";

/** The command `edgeless` with all its sub-commands. */
export function createProgram(): Command {
  const program = new Command("edgeless")
    .description("EDGELESS, the serverless platform for the edge")
    .version(versionOf(readFileSync(repositoryFile("package.json"), "utf8")), "--version")
    .option("-c, --config-file <FILE>", "client configuration (default: cli.toml if it is there)")
    .option("-t, --template <FILE>", "write a default client configuration to FILE and exit")
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError("(add --help for the usage)")
    .action((options: { template?: string }) => {
      if (options.template !== undefined) writeTemplate(options.template, CLIENT_TEMPLATE);
      else program.outputHelp();
    });
  addBoxCommand(program);
  addDaemonCommands(program);
  addWorkflowCommands(program);
  addEmulateCommand(program);
  addDomainCommands(program);
  addDeviceCommands(program);
  addEsp32Commands(program);
  addProxyCommands(program);
  const group = program.command("function").description("write, build, try and test functions");
  addNewCommand(group);
  addBuildCommand(group);
  addInspectCommand(group);
  addRunCommand(group);
  addTestCommand(group);
  addInvokeCommand(group);
  addRepositoryCommands(group);
  addCompletionCommands(program);
  return program;
}

function versionOf(packageJson: string): string {
  const { version } = JSON.parse(packageJson) as { version: string };
  return version;
}
