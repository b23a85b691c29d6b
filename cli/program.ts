import type { Command } from "commander";
import { baseProgram, functionGroup } from "./base-program.js";
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

/** The command `edgeless` with all its sub-commands. */
export function createProgram(): Command {
  const program = baseProgram().action((options: { template?: string }) => {
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
  const group = functionGroup(program);
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
