/*
 * Measures a complete system in one process: the time from `workflow start` to the first event in a log, and casts between
 * functions on two nodes, over gRPC.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { templateBoxConfig } from "../cli/box/box-config.js";
import { startBox } from "../cli/box/start-box.js";
import { repositoryFile } from "../cli/repository-file.js";
import { RUST_WASM } from "../core/specification.js";
import type { Workflow, WorkflowFunction } from "../core/workflow.js";
import { connectWorkflow } from "../grpc-api/index.js";

const STARTS = 30;
const CAST_MS = 3000;
const PAIRS = 32;

const folder = mkdtempSync(join(tmpdir(), "edgeless-bench-"));
process.chdir(folder);
const config = templateBoxConfig({ nodes: 2, initialPort: 17000, bindToNonLoopback: false, stateFolder: "" });
const box = await startBox(
  { ...config, controller: { ...config.controller, controller_url: "http://127.0.0.1:0" } },
  "error",
);
const api = connectWorkflow(box.controller.controllerUrl, { deadlineMs: 10_000 });
while ([...(await api.domains("")).values()].every(({ numNodes }) => numNodes < 2)) await delay(20);

function functionOf(
  name: string,
  id: string,
  output: string,
  target: string,
  annotations: Record<string, string>,
): WorkflowFunction {
  const binary = readFileSync(repositoryFile(`dist/functions/${id}/${id}.wasm`));
  return {
    name,
    functionClass: { id, functionType: RUST_WASM, version: "0.1", outputs: [output], binary },
    outputMapping: new Map([[output, target]]),
    annotations: new Map(Object.entries(annotations)),
  };
}

async function start(workflow: Workflow) {
  const result = await api.start(workflow);
  if (!result.ok) throw new Error(`${result.error.summary} ${result.error.detail ?? ""}`);
  return result.value.workflowId;
}

function logOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

async function startToFirstEvent(): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const file = join(folder, `first-${i}.log`);
    const beganMs = performance.now();
    const id = await start({
      functions: [functionOf("source", "counter", "output", "log", { "init-payload": "0" })],
      resources: [
        {
          name: "log",
          classType: "file-log",
          outputMapping: new Map(),
          configurations: new Map([["filename", file]]),
        },
      ],
      annotations: new Map(),
    });
    while (logOf(file) === "") await delay(1);
    times.push(performance.now() - beganMs);
    await api.stop(id);
  }
  return times.sort((a, b) => a - b);
}

async function castsBetweenNodes(): Promise<number> {
  const [first, second] = box.nodes.map(({ nodeId }) => nodeId);
  const id = await start({
    functions: Array.from({ length: PAIRS }, (_, i) => [
      functionOf(`a${i}`, "incr", "result", `b${i}`, { node_id_match_any: first ?? "" }),
      functionOf(`b${i}`, "incr", "result", `a${i}`, { node_id_match_any: second ?? "" }),
      functionOf(`seed${i}`, "counter", "output", `a${i}`, {
        "init-payload": "0",
        node_id_match_any: first ?? "",
      }),
    ]).flat(),
    resources: [],
    annotations: new Map(),
  });
  const executed = async () => {
    let count = 0;
    for (const { metricsUrl } of box.nodes) {
      const page = await (await fetch(`${metricsUrl}/metrics`)).text();
      for (const [, value] of page.matchAll(/^execution_times_count\{.*\} (\d+)$/gm)) count += Number(value);
    }
    return count;
  };
  await delay(1000);
  const before = await executed();
  const beganMs = performance.now();
  await delay(CAST_MS);
  const rate = ((await executed()) - before) / ((performance.now() - beganMs) / 1000);
  await api.stop(id);
  return rate;
}

try {
  const times = await startToFirstEvent();
  const at = (part: number) => (times[Math.floor(times.length * part)] ?? 0).toFixed(1);
  process.stdout.write(
    `workflow start to first event in the log, ${STARTS} starts: median ${at(0.5)} ms, p90 ${at(0.9)} ms\n`,
  );
  const rate = await castsBetweenNodes();
  process.stdout.write(
    `casts handled per second by ${PAIRS} pairs of functions, each on two nodes, over gRPC: ${Math.round(rate)}\n`,
  );
} finally {
  api.close();
  await box.close();
  process.chdir(tmpdir());
  rmSync(folder, { recursive: true, force: true });
}
