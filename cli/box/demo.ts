import { readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { WorkflowApi } from "../../core/api.js";
import type { Clock } from "../../core/clock.js";
import { EdgelessError } from "../../core/errors.js";
import type { Uuid } from "../../core/uuid.js";
import type { Workflow } from "../../core/workflow.js";
import { makeFolder } from "../../platform/make-folder.js";
import { readWorkflow } from "../files/workflow-file.js";
import { alignColumns, componentRows } from "../format.js";
import { repositoryFile } from "../repository-file.js";
import { waitUntilRunning } from "../wait-until-running.js";
import { DEMO_DEVICES } from "./demo-devices.js";

/** How long the system may take to offer what the demo needs, and how often it is asked. */
const READY_MS = 20_000;
const POLL_MS = 50;
/** How often the account of events is printed. */
const REPORT_MS = 1_000;

/** What the demo needs from its surroundings. */
export interface DemoSurroundings {
  readonly api: WorkflowApi;
  readonly clock: Clock;
  /** Where the demo's log goes. */
  readonly logFile: string;
  /** The node that gets the function which must not run on a device. */
  readonly nodeId: Uuid;
  /** What a person calls a node. */
  nameOf(nodeId: string): string;
  say(line: string): void;
}

/** A demo workflow that runs. */
export interface Demo {
  /** Events that reached the log so far. */
  events(): number;
  /** Stops the account and the workflow. */
  close(): Promise<void>;
}

/**
 * Starts the demo workflow and tells every second how it goes.
 * @throws EdgelessError when the system is not ready in time or refuses the workflow
 */
export async function startDemo(surroundings: DemoSurroundings): Promise<Demo> {
  const { api, clock, logFile, nodeId, nameOf, say } = surroundings;
  makeFolder(dirname(logFile));
  rmSync(logFile, { force: true });
  const workflow = demoWorkflow(logFile, nodeId);
  await untilReady(api, clock);
  const result = await api.start(workflow);
  if (!result.ok)
    throw new EdgelessError("EDGELESS_REJECTED", `the demo workflow was refused: ${result.error.summary}`);
  const { workflowId } = result.value;
  await waitUntilRunning(api, workflowId, READY_MS, clock);
  say(`workflow ${workflowId}: sensor -> climate -> shout -> log, and climate -> display`);
  const rows = componentRows(await api.inspect(workflowId));
  say(indent(alignColumns(rows.map(({ name, state, node }) => [name, state, `on ${nameOf(node)}`]))));
  say("");

  const events = () => logLines(logFile).length;
  const startMs = clock.monotonicMs();
  let timer = clock.setTimer(REPORT_MS, report);
  let previous = 0;
  function report() {
    const lines = logLines(logFile);
    const seconds = Math.round((clock.monotonicMs() - startMs) / 1000);
    const rate = ((lines.length - previous) * 1000) / REPORT_MS;
    previous = lines.length;
    say(
      `${`${seconds}`.padStart(4)} s  ${lines.length} events in the log, ${rate} per second  ${lines[lines.length - 1] ?? ""}`,
    );
    timer = clock.setTimer(REPORT_MS, report);
  }
  return {
    events,
    async close() {
      timer.cancel();
      await api.stop(workflowId);
    },
  };
}

/** The workflow of `examples/climate`, with the log where the demo wants it and `shout` on the node. */
function demoWorkflow(logFile: string, nodeId: Uuid): Workflow {
  const workflow = readWorkflow(repositoryFile(join("examples", "climate", "workflow.json")));
  return {
    ...workflow,
    functions: workflow.functions.map((component) =>
      component.name === "shout"
        ? { ...component, annotations: new Map([["node_id_match_any", nodeId]]) }
        : component,
    ),
    resources: workflow.resources.map((resource) =>
      resource.name === "log"
        ? { ...resource, configurations: new Map([...resource.configurations, ["filename", logFile]]) }
        : resource,
    ),
  };
}

async function untilReady(api: WorkflowApi, clock: Clock): Promise<void> {
  const endMs = clock.monotonicMs() + READY_MS;
  for (;;) {
    const domains = await api.domains("");
    for (const { labels, resourceClasses } of domains.values()) {
      const hasDevices = DEMO_DEVICES.every((name) => labels.includes(`device=${name}`));
      if (hasDevices && resourceClasses.includes("file-log")) return;
    }
    if (clock.monotonicMs() > endMs)
      throw new EdgelessError("EDGELESS_TIMEOUT", "node and devices did not register in time");
    await new Promise<void>((resolve) => void clock.setTimer(POLL_MS, resolve));
  }
}

function logLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n").slice(0, -1);
  } catch {
    return [];
  }
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
