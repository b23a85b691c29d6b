import { resolve } from "node:path";
import type { Command } from "commander";
import { EdgelessError } from "../../core/errors.js";
import { type BoxLayout, boxTemplates, findBoxFiles } from "../box/box-files.js";
import { writeTemplate } from "../files/toml-file.js";
import { untilSignal } from "../until-signal.js";

interface BoxOptions {
  readonly templates?: boolean;
  readonly configPath: string;
  readonly numOfNodes: string;
  readonly initialPort: string;
  readonly bindToNonloopback?: boolean;
  readonly demo?: boolean;
  readonly exitAfter?: string;
}

/** `edgeless box`: a controller, an orchestrator and nodes in one process. */
export function addBoxCommand(program: Command): void {
  program
    .command("box")
    .description("run a complete system in this process")
    .option("-t, --templates", "write configuration files instead of running")
    .option("--config-path <DIR>", "folder of the configuration files", "./")
    .option("-n, --num-of-nodes <N>", "nodes of the domain, for templates and when there are no files", "1")
    .option("--initial-port <P>", "first port, for templates and when there are no files", "7000")
    .option("-b, --bind-to-nonloopback", "serve other machines, for templates and when there are no files")
    .option("--demo", "start the demo workflow and tell what happens")
    .option("--exit-after <N>", "with --demo: end after N events, or with an error after 60 s")
    .action(async (options: BoxOptions) => {
      if (options.templates === true) writeTemplates(options);
      else await runBox(options);
    });
}

function layoutOf(options: BoxOptions, stateFolder: string): BoxLayout {
  return {
    nodes: Number(options.numOfNodes),
    initialPort: Number(options.initialPort),
    bindToNonLoopback: options.bindToNonloopback === true,
    stateFolder,
  };
}

function writeTemplates(options: BoxOptions): void {
  for (const [name, text] of boxTemplates(layoutOf(options, "."))) {
    const path = resolve(options.configPath, name);
    try {
      writeTemplate(path, text);
      say(`wrote ${path}`);
    } catch (error) {
      if (!(error instanceof EdgelessError) || error.code !== "EDGELESS_FILE_EXISTS") throw error;
      process.stderr.write(`${error.message}\n`);
    }
  }
}

async function runBox(options: BoxOptions): Promise<void> {
  const { readBoxConfig, templateBoxConfig } = await import("../box/box-config.js");
  const { describeBox } = await import("../box/introduce.js");
  const { runDemo } = await import("../box/run-demo.js");
  const { startBox } = await import("../box/start-box.js");
  const demoWanted = options.demo === true;
  const files = demoWanted ? undefined : findBoxFiles(options.configPath);
  const config = files === undefined ? templateBoxConfig(layoutOf(options, "")) : readBoxConfig(files);
  if (files === undefined && !demoWanted) {
    say(
      "no configuration files here: running with defaults, and nothing outlives this process (write files: edgeless box -t)",
    );
  }
  const wanted = options.exitAfter === undefined ? undefined : wholeNumber(options.exitAfter);
  const box = await startBox(config, demoWanted ? "error" : "info");
  for (const line of describeBox(box, config)) say(line);
  await (demoWanted ? runDemo(box, wanted, say) : untilSignal(box));
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new EdgelessError("EDGELESS_USAGE", `--exit-after takes a whole number above 0, not "${text}"`);
  return value;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
