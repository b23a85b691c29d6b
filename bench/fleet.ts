/*
 * Measures a domain with a fleet of emulated devices: how fast they register, what their refreshes cost, whether any gets
 * lost, and how fast the domain still answers. Processes: a box, or (with "apart") a gateway and the rest of the domain; and
 * one with all the devices.
 *
 * node dist/bench/fleet.js [devices] [box|apart] [functions]
 *
 * FLEET_PROGRESS=1 tells every five seconds how far it is, FLEET_PROFILE names a folder for CPU profiles, FLEET_HOLD_MS and
 * FLEET_PATIENCE_MS say how long refreshes are watched and registrations waited for.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { templateBoxConfig } from "../cli/box/box-config.js";
import { repositoryFile } from "../cli/repository-file.js";
import { RUST_WASM } from "../core/specification.js";
import type { Workflow } from "../core/workflow.js";
import { connectWorkflow } from "../grpc-api/index.js";
import type { FleetReport } from "./fleet-roles.js";

const INITIAL_PORT = 17_000;
const HOLD_MS = Number(process.env.FLEET_HOLD_MS ?? 60_000);
const PATIENCE_MS = Number(process.env.FLEET_PATIENCE_MS ?? 600_000);
const STARTS = 10;
const PROGRESS_MS = 5_000;

const [countText = "10000", layout = "box", functionsText = "1000"] = process.argv.slice(2);
const count = Number(countText);
const functions = Math.min(Number(functionsText), count);
const say = (line: string) => process.stdout.write(`${line}\n`);

const folder = mkdtempSync(join(tmpdir(), "edgeless-fleet-"));
const profileFolder = process.env.FLEET_PROFILE;
const children = new Map<string, ChildProcess>();

/** The full node, which gets what should not run on a device. */
let nodeId = "";

async function startRole(name: string, role: string, ...more: readonly string[]): Promise<void> {
  const execArgv = profileFolder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`];
  const child = fork(fileURLToPath(import.meta.resolve("./fleet-roles.js")), [role, ...more], { execArgv });
  children.set(name, child);
  if (role === "fleet") return;
  const [message] = await once(child, "message");
  nodeId = (message as { readonly nodeId?: string }).nodeId ?? nodeId;
}

/** CPU time of a process, seconds, in steps of 10 ms. */
function cpuS({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function memoryMib({ pid }: ChildProcess, what: "VmRSS" | "VmHWM"): number {
  return (
    Number(new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024
  );
}

const config = templateBoxConfig({
  ...{ nodes: 1, initialPort: INITIAL_PORT, bindToNonLoopback: false },
  stateFolder: join(folder, "state"),
});
const pages = {
  orchestrator: config.orchestrator.telemetry.metrics_url,
  gateway: config.gateway?.telemetry.metrics_url ?? "",
};

/** Sums of the samples of a metrics page, by series name and one label. */
async function figures(url: string, pattern: RegExp): Promise<Map<string, number>> {
  const page = await (await fetch(`${url}/metrics`)).text();
  const sums = new Map<string, number>();
  for (const [, label = "", value] of page.matchAll(pattern))
    sums.set(label, (sums.get(label) ?? 0) + Number(value));
  return sums;
}

const commands = () =>
  figures(pages.orchestrator, /^edgeless_node_command_seconds_count\{.*?command="(\w+)".*\} (\d+)$/gm);
const nodes = () => figures(pages.orchestrator, /^edgeless_nodes\{.*?state="(\w+)".*\} (\d+)$/gm);
const withdrawn = () =>
  figures(pages.gateway, /^edgeless_gateway_devices_withdrawn_total\{.*?reason="([^"]+)".*\} (\d+)$/gm);
const text = (sums: ReadonlyMap<string, number>) =>
  [...sums]
    .filter(([, value]) => value > 0)
    .map(([label, value]) => `${label} ${value}`)
    .join(", ") || "none";

const gatewayPort = Number(/:(\d+)$/.exec(config.gateway?.general.coap_url ?? "")?.[1]);
process.chdir(folder);
if (layout === "apart") {
  await startRole("controller, orchestrator, node", "domain", join(folder, "state"), `${INITIAL_PORT}`);
  await startRole("gateway", "gateway", join(folder, "state"), `${INITIAL_PORT}`);
} else await startRole("box", "box", join(folder, "state"), `${INITIAL_PORT}`);
await startRole("devices", "fleet", `${gatewayPort}`, `${count}`);
const fleet = children.get("devices") as ChildProcess;
let state: FleetReport = { registered: 0, running: 0 };
fleet.on("message", (message: FleetReport) => {
  state = message;
});
await once(fleet, "message");

const began = performance.now();
const sinceS = () => ((performance.now() - began) / 1000).toFixed(1);

function tellProcesses(before?: ReadonlyMap<string, number>, overS = 1): void {
  for (const [name, child] of children) {
    const cpu = cpuS(child) - (before?.get(name) ?? 0);
    say(
      `  ${name}: ${memoryMib(child, "VmRSS").toFixed(0)} MiB now, ${memoryMib(child, "VmHWM").toFixed(0)} at most; ` +
        (before === undefined
          ? `${cpu.toFixed(1)} s of CPU`
          : `${((cpu / overS) * 100).toFixed(0)} % of a CPU`),
    );
  }
}

const cpuOfAll = () => new Map([...children].map(([name, child]) => [name, cpuS(child)]));

async function until(isDone: () => boolean | Promise<boolean>, everyMs = 100): Promise<boolean> {
  const endMs = performance.now() + PATIENCE_MS;
  let tellMs = performance.now() + PROGRESS_MS;
  while (!(await isDone())) {
    if (performance.now() > endMs) return false;
    if (performance.now() > tellMs) {
      tellMs += PROGRESS_MS;
      if (process.env.FLEET_PROGRESS !== undefined)
        say(`    ${sinceS()} s: ${state.registered} registered, ${state.running} running`);
    }
    await delay(everyMs);
  }
  return true;
}

const api = connectWorkflow(`http://127.0.0.1:${INITIAL_PORT - 2}`, { deadlineMs: 60_000 });

async function nodesInDomain(): Promise<number> {
  const sums = await nodes();
  return [...sums.values()].reduce((sum, value) => sum + value, 0);
}

fleet.send("on");
await until(() => state.registered === count);
say(`${state.registered} of ${count} devices registered after ${sinceS()} s`);
await until(async () => (await nodesInDomain()) >= count + 1, 2_000);
say(`all in the domain after ${sinceS()} s; requests to nodes: ${text(await commands())}`);
await delay(5000);
say(`requests to nodes at ${sinceS()} s: ${text(await commands())}`);
tellProcesses();

const before = cpuOfAll();
let least = state.registered;
let leastNodes = count + 1;
const holdEndMs = performance.now() + HOLD_MS;
const pings: number[] = [];
while (performance.now() < holdEndMs) {
  await delay(2_000);
  least = Math.min(least, state.registered);
  leastNodes = Math.min(leastNodes, await nodesInDomain());
  const beganMs = performance.now();
  await api.list();
  pings.push(performance.now() - beganMs);
}
pings.sort((a, b) => a - b);
say(
  `refreshing for ${HOLD_MS / 1000} s: never fewer than ${least} devices and ${leastNodes} nodes; ` +
    `withdrawn: ${text(await withdrawn())}; a request to the controller: median ${pings[pings.length >> 1]?.toFixed(1)} ms, ` +
    `longest ${pings[pings.length - 1]?.toFixed(0)} ms`,
);
tellProcesses(before, HOLD_MS / 1000);

async function start(workflow: Workflow) {
  const result = await api.start(workflow);
  if (!result.ok) throw new Error(`${result.error.summary} ${result.error.detail ?? ""}`);
  return result.value.workflowId;
}

function functionClass(id: string, output: string) {
  const binary = readFileSync(repositoryFile(`dist/functions/${id}/${id}.wasm`));
  return { id, functionType: RUST_WASM, version: "0.1", outputs: [output], binary };
}

function sizeOf(file: string): number {
  try {
    return readFileSync(file).length;
  } catch {
    return 0;
  }
}

const times: number[] = [];
for (let i = 0; i < STARTS; i++) {
  const file = join(folder, `first-${i}.log`);
  const beganMs = performance.now();
  const id = await start({
    functions: [
      {
        name: "source",
        functionClass: functionClass("counter", "output"),
        outputMapping: new Map([["output", "log"]]),
        annotations: new Map([
          ["init-payload", "0"],
          ["node_id_match_any", nodeId],
        ]),
      },
    ],
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
  while (sizeOf(file) === 0) await delay(1);
  times.push(performance.now() - beganMs);
  await api.stop(id);
}
times.sort((a, b) => a - b);
say(
  `workflow start to first event in the log, ${STARTS} starts: median ${times[STARTS >> 1]?.toFixed(0)} ms, ` +
    `longest ${times[STARTS - 1]?.toFixed(0)} ms`,
);
const domainsMs = performance.now();
await api.domains("");
say(`description of the domain: ${(performance.now() - domainsMs).toFixed(0)} ms`);

if (functions > 0) {
  const beganMs = performance.now();
  const one = (i: number): Workflow => ({
    functions: [
      {
        name: "idle",
        functionClass: functionClass("double", "result"),
        outputMapping: new Map(),
        annotations: new Map([["label_match_all", `device=board-${i + 1}`]]),
      },
    ],
    resources: [],
    annotations: new Map(),
  });
  const queue = Array.from({ length: functions }, (_, i) => i);
  const refusals: string[] = [];
  const worker = async () => {
    for (let i = queue.shift(); i !== undefined; i = queue.shift())
      await start(one(i)).catch((error: unknown) => refusals.push(String(error)));
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  const acceptedS = ((performance.now() - beganMs) / 1000).toFixed(1);
  await until(() => state.running + refusals.length >= functions);
  say(
    `${state.running} functions run on as many devices ${((performance.now() - beganMs) / 1000).toFixed(1)} s after the first ` +
      `was asked for (all accepted after ${acceptedS} s); refused: ${refusals.length} ${refusals[0] ?? ""}`,
  );
  tellProcesses();
  await delay(30_000);
  say(
    `half a minute later: ${state.registered} devices, ${state.running} functions, withdrawn: ${text(await withdrawn())}`,
  );
  tellProcesses();
}
api.close();
for (const child of children.values()) child.disconnect();
await Promise.all([...children.values()].map((child) => once(child, "exit")));
process.chdir(tmpdir());
rmSync(folder, { recursive: true, force: true });
