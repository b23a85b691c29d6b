import { resolve } from "node:path";
import type { Command } from "commander";
import { EdgelessError } from "../../core/errors.js";
import { connectWorkflow, readTls } from "../../grpc-api/index.js";
import { systemClock } from "../../platform/system-clock.js";
import { readBoxConfig, templateBoxConfig } from "../box/box-config.js";
import { type BoxLayout, boxTemplates, findBoxFiles } from "../box/box-files.js";
import { type Demo, startDemo } from "../box/demo.js";
import { type Box, type BoxConfig, startBox } from "../box/start-box.js";
import { writeTemplate } from "../files/toml-file.js";
import { untilSignal } from "../until-signal.js";

/** Longest that the demo may take to bring the wanted events to the log. */
const EXIT_DEADLINE_MS = 60_000;
const DEMO_FOLDER = "edgeless-box";

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
  const demoWanted = options.demo === true;
  const files = demoWanted ? undefined : findBoxFiles(options.configPath);
  const config = files === undefined ? templateBoxConfig(layoutOf(options, "")) : readBoxConfig(files);
  if (files === undefined && !demoWanted) {
    say(
      "no configuration files here: running with defaults, and nothing outlives this process (write files: edgeless box -t)",
    );
  }
  const box = await startBox(config, demoWanted ? "error" : "info");
  introduce(box, config);
  if (!demoWanted) return untilSignal(box);

  const { client } = readTls();
  const tls = client === undefined ? {} : { tls: client };
  const api = connectWorkflow(box.controller.controllerUrl, { deadlineMs: 10_000, ...tls });
  let demo: Demo | undefined;
  const running = {
    async close() {
      await demo?.close();
      api.close();
      await box.close();
    },
  };
  try {
    const logFile = resolve(DEMO_FOLDER, "demo.log");
    demo = await startDemo({ api, clock: systemClock, logFile, say });
    suggest(logFile);
  } catch (error) {
    await running.close();
    throw error;
  }
  const { exitAfter } = options;
  await untilSignal(running, exitAfter === undefined ? undefined : untilEvents(demo, wholeNumber(exitAfter)));
}

function introduce({ controller, orchestrator, nodes }: Box, config: BoxConfig): void {
  say("EDGELESS in a box is up:");
  say(
    `  controller (ε-CON)    clients at ${controller.controllerUrl}, domains at ${controller.domainRegisterUrl}`,
  );
  say(`  orchestrator (ε-ORC)  ${orchestrator.orchestratorUrl}, nodes at ${orchestrator.nodeRegisterUrl}`);
  for (const [i, { nodeId, agentUrl, invocationUrl, metricsUrl }] of nodes.entries()) {
    const metrics = metricsUrl === undefined ? "" : `, metrics at ${metricsUrl}/metrics`;
    const http = config.nodes[i]?.resources?.http_ingress_url;
    const ingress = http === undefined ? "" : `, http-ingress at ${http}`;
    say(`  node ${nodeId}  agent ${agentUrl}, data plane ${invocationUrl}${metrics}${ingress}`);
  }
  say("");
}

function suggest(logFile: string): void {
  say(`What to try next, in another terminal:
  tail -f ${logFile}
  npx edgeless workflow list
  npx edgeless workflow status all
  npx edgeless domain inspect all
Ctrl-C ends the box.
`);
}

async function untilEvents(demo: Demo, wanted: number): Promise<void> {
  const endMs = systemClock.monotonicMs() + EXIT_DEADLINE_MS;
  while (demo.events() < wanted) {
    if (systemClock.monotonicMs() > endMs) {
      throw new EdgelessError(
        "EDGELESS_TIMEOUT",
        `only ${demo.events()} of ${wanted} events reached the log in time`,
      );
    }
    await new Promise<void>((resolve) => void systemClock.setTimer(50, resolve));
  }
  say(`${demo.events()} events reached the log.`);
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
