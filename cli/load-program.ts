import type { Command } from "commander";
import { baseProgram, functionGroup } from "./base-program.js";

/** Loads the module of a command and gives the function that adds it to the command above. */
type Loader = () => Promise<(parent: Command) => void>;

const daemon: Loader = async () => (await import("./commands/daemon.js")).addDaemonCommands;

const LOADERS: ReadonlyMap<string, Loader> = new Map([
  ["box", async () => (await import("./commands/box.js")).addBoxCommand],
  ...["con", "orc", "bal", "node", "gateway"].map((name) => [name, daemon] as const),
  ["workflow", async () => (await import("./commands/workflow.js")).addWorkflowCommands],
  ["emulate", async () => (await import("./commands/emulate.js")).addEmulateCommand],
  ["domain", async () => (await import("./commands/domain.js")).addDomainCommands],
  ["device", async () => (await import("./commands/device.js")).addDeviceCommands],
  ["esp32", async () => (await import("./commands/esp32.js")).addEsp32Commands],
  ["proxy", async () => (await import("./commands/proxy.js")).addProxyCommands],
]);

const repository: Loader = async () =>
  (await import("./commands/function-repository.js")).addRepositoryCommands;

const FUNCTION_LOADERS: ReadonlyMap<string, Loader> = new Map([
  ["new", async () => (await import("./commands/function-new.js")).addNewCommand],
  ["build", async () => (await import("./commands/function-build.js")).addBuildCommand],
  ["inspect", async () => (await import("./commands/function-inspect.js")).addInspectCommand],
  ["run", async () => (await import("./commands/function-run.js")).addRunCommand],
  ["test", async () => (await import("./commands/function-test.js")).addTestCommand],
  ["invoke", async () => (await import("./commands/function-invoke.js")).addInvokeCommand],
  ...["get", "download", "push"].map((name) => [name, repository] as const),
]);

/**
 * The command `edgeless` with what these words need: a program that loads everything takes twice as long to start.
 * @param words the command line; one that does not begin with a command gets the whole program
 */
export async function loadProgram(words: readonly string[]): Promise<Command> {
  const [first = "", second = ""] = words;
  const loader = first === "function" ? FUNCTION_LOADERS.get(second) : LOADERS.get(first);
  if (loader === undefined) return (await import("./program.js")).createProgram();
  const add = await loader();
  const program = baseProgram();
  add(first === "function" ? functionGroup(program) : program);
  return program;
}
