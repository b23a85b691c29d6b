import type { Command } from "commander";
import type { WorkflowApi } from "../core/api.js";
import { type ClientConfig, readClientConfig, withController } from "./controller-connection.js";
import { createOutput, type Output } from "./output.js";

interface ClientOptions {
  readonly configFile?: string;
  readonly controllerUrl?: string;
  readonly json?: boolean;
}

/** What a command that talks to the ε-CON works with. */
export interface Client {
  readonly output: Output;
  readonly config: ClientConfig;
  /** Runs `use` with a connection to the ε-CON. */
  controller<T>(use: (controller: WorkflowApi) => Promise<T>): Promise<T>;
}

/** Adds the options that every command of a client has. */
export function withClientOptions(command: Command): Command {
  return command
    .option("-c, --config-file <FILE>", "client configuration (default: cli.toml if it is there)")
    .option("--controller-url <URL>", "the controller, instead of the one in the configuration")
    .option("--json", "print results as JSON");
}

/** The surroundings of a client command, from its own and the global options. */
export function clientOf(command: Command): Client {
  const options = command.optsWithGlobals<ClientOptions>();
  const file = readClientConfig(options.configFile);
  const config =
    options.controllerUrl === undefined ? file : { ...file, controllerUrl: options.controllerUrl };
  return {
    output: createOutput(options.json === true),
    config,
    controller: (use) => withController(config, use),
  };
}
