import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { WorkflowApi } from "../../core/api.js";
import type { Clock } from "../../core/clock.js";
import { EdgelessError } from "../../core/errors.js";
import type { Workflow } from "../../core/workflow.js";
import { readWorkflow } from "../files/workflow-file.js";
import { alignColumns, componentRows } from "../format.js";
import { repositoryFile } from "../repository-file.js";
import { waitUntilRunning } from "../wait-until-running.js";

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
export async function startDemo({ api, clock, logFile, say }: DemoSurroundings): Promise<Demo> {
  mkdirSync(dirname(logFile), { recursive: true });
  rmSync(logFile, { force: true });
  const workflow = demoWorkflow(logFile);
  await untilReady(api, clock);
  const result = await api.start(workflow);
  if (!result.ok)
    throw new EdgelessError("EDGELESS_REJECTED", `the demo workflow was refused: ${result.error.summary}`);
  const { workflowId } = result.value;
  await waitUntilRunning(api, workflowId, READY_MS, clock);
  say(`workflow ${workflowId}: generator -> shout -> log`);
  const rows = componentRows(await api.inspect(workflowId));
  say(
    indent(
      alignColumns(rows.map(({ name, state, domain, node }) => [name, state, `${domain}, node ${node}`])),
    ),
  );
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

/** The workflow of `examples/hello`, with the log where the demo wants it. */
function demoWorkflow(logFile: string): Workflow {
  const workflow = readWorkflow(repositoryFile(join("examples", "hello", "workflow.json")));
  return {
    ...workflow,
    resources: workflow.resources.map((resource) => ({
      ...resource,
      configurations: new Map([...resource.configurations, ["filename", logFile]]),
    })),
  };
}

async function untilReady(api: WorkflowApi, clock: Clock): Promise<void> {
  const endMs = clock.monotonicMs() + READY_MS;
  for (;;) {
    const domains = await api.domains("");
    for (const { runtimes, resourceClasses } of domains.values()) {
      if (runtimes.includes("RUST_WASM") && resourceClasses.includes("file-log")) return;
    }
    if (clock.monotonicMs() > endMs)
      throw new EdgelessError("EDGELESS_TIMEOUT", "no node registered in time");
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
