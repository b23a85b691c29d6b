/*
 * Measures a gateway in a process of its own: registrations, events of devices on their way to a node, with the way of an
 * event between two plain nodes beside it in the same run, the time until a function runs on a device, and what each
 * operation puts on the air.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { RUNNING } from "../coap-api/operations/instance-state.js";
import type { NodeUpdate } from "../core/api.js";
import { parseEndpoint } from "../core/endpoint.js";
import { randomUuid, type Uuid } from "../core/uuid.js";
import { BOARD_PROFILES, type BoardProfile } from "../emulator/board-profile.js";
import { EmulatedDevice } from "../emulator/emulated-device.js";
import { ModuleLibrary } from "../emulator/module-library.js";
import { connectAgent, invocationService, nodeRegistrationService, startServer } from "../grpc-api/index.js";
import { systemClock } from "../platform/system-clock.js";
import { systemRandom } from "../platform/system-random.js";
import { openUdpSocket } from "../platform/udp-socket.js";
import { BenchDevice } from "./bench-device.js";
import { measureAir } from "./gateway-air.js";
import { functionOf, nowText, OUTSIDE, quantile, sinceMs } from "./gateway-load.js";
import type { SendOrder } from "./gateway-roles.js";

const REGISTRATIONS = 500;
const AT_A_TIME = 32;
/** Devices that send events, each one at a time as CoAP has it. */
const SENDERS = 64;
const FLOOD_MS = 4000;
const ROUNDS = 8;
const ROUND_EVENTS = 50;
const PAUSE_MS = 5;
/** By then the last event has arrived. */
const LAST_MS = 300;
const DEPLOYMENTS = 15;
/** A function of 5 KB. */
const DEPLOYED = "climate";

const say = (line: string) => process.stdout.write(`${line}\n`);

const updates = new Map<Uuid, NodeUpdate>();
const updateNode = async (update: NodeUpdate) => {
  updates.set(update.nodeId, update);
  return { ok: true, value: undefined } as const;
};
/** How long the events took that arrived lately, milliseconds. */
let took: number[] = [];
const register = await startServer("http://127.0.0.1:0", [nodeRegistrationService({ updateNode })]);
const peer = await startServer("http://127.0.0.1:0", [
  invocationService({
    handle: ({ data }) => {
      if ("payload" in data) took.push(sinceMs(data.payload));
    },
  }),
]);

async function startRole(role: "gateway" | "node", url: string) {
  const child = fork(fileURLToPath(import.meta.resolve("./gateway-roles.js")), [role, url]);
  const [message] = await once(child, "message");
  return { child, urls: message as { readonly coapUrl?: string } };
}

/** CPU time of a process, milliseconds, in steps of 10. */
function cpuMs({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function residentMib({ pid }: ChildProcess): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

/** Carries out work for each item, so many at a time. */
async function forEach<T>(
  items: readonly T[],
  atATime: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}

async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await delay(1);
}

const gateway = await startRole("gateway", register.url);
const node = await startRole("node", peer.url);
const coapPort = parseEndpoint(gateway.urls.coapUrl ?? "", "coap_url").port;

async function measureRegistrations(): Promise<BenchDevice[]> {
  const devices: BenchDevice[] = [];
  for (let i = 0; i < REGISTRATIONS; i++) devices.push(await BenchDevice.open(coapPort));
  const beganMs = performance.now();
  const cpuBefore = cpuMs(gateway.child);
  await forEach(devices, AT_A_TIME, (device) => device.register());
  const seconds = (performance.now() - beganMs) / 1000;
  await until(() => updates.size >= REGISTRATIONS);
  const cpu = (cpuMs(gateway.child) - cpuBefore) / REGISTRATIONS;
  say(
    `registrations per second: ${Math.round(REGISTRATIONS / seconds)}; ${cpu.toFixed(2)} ms CPU each; ` +
      `gateway with ${REGISTRATIONS} devices: ${residentMib(gateway.child).toFixed(0)} MiB`,
  );
  return devices;
}

function agentOf(nodeId: Uuid) {
  const url = updates.get(nodeId)?.agentUrl;
  if (url === undefined) throw new Error("the device is no node");
  return connectAgent(url, { deadlineMs: 10_000 });
}

/** Lets a device send to the peer. */
async function wire(device: BenchDevice): Promise<void> {
  const agent = agentOf(device.nodeId);
  await agent.updatePeers({ type: "add", nodeId: OUTSIDE.nodeId, invocationUrl: peer.url });
  const started = await agent.startResource({ classType: "bench", configuration: new Map(), workflowId: "" });
  if (!started.ok) throw new Error(started.error.detail);
  await agent.patchResource({ source: started.value.functionId, outputs: new Map([["out", OUTSIDE]]) });
  await until(() => device.isWired);
  agent.close();
}

async function measureEvents(devices: readonly BenchDevice[]): Promise<void> {
  const senders = devices.slice(0, SENDERS);
  for (const device of senders) await wire(device);
  const [first] = senders;
  if (first === undefined) return;
  const fromDevice: number[] = [];
  const fromNode: number[] = [];
  // In turns, so that both have the same share of whatever else the machine does.
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < ROUND_EVENTS; i++) {
      await first.cast(nowText());
      await delay(PAUSE_MS);
    }
    await until(() => took.length >= ROUND_EVENTS);
    fromDevice.push(...took);
    took = [];
    node.child.send({ forMs: ROUND_EVENTS * PAUSE_MS, pauseMs: PAUSE_MS } satisfies SendOrder);
    await delay(ROUND_EVENTS * PAUSE_MS + LAST_MS);
    fromNode.push(...took);
    took = [];
  }
  const show = (values: readonly number[]) =>
    `median ${quantile(values, 0.5).toFixed(2)} ms, p99 ${quantile(values, 0.99).toFixed(2)} ms`;
  say(`one event from a device to a node, over the gateway: ${show(fromDevice)}`);
  say(`one event from a node to a node: ${show(fromNode)}`);
  const added = quantile(fromDevice, 0.5) - quantile(fromNode, 0.5);
  say(`added by CoAP and the gateway: ${added.toFixed(2)} ms`);

  took = [];
  const endMs = performance.now() + FLOOD_MS;
  const cpuBefore = cpuMs(gateway.child);
  const beganMs = performance.now();
  await Promise.all(
    senders.map(async (device) => {
      while (performance.now() < endMs) await device.cast(nowText());
    }),
  );
  const rate = (took.length / (performance.now() - beganMs)) * 1000;
  const cpu = ((cpuMs(gateway.child) - cpuBefore) / took.length) * 1000;
  took = [];
  node.child.send({ forMs: FLOOD_MS, pauseMs: 0 } satisfies SendOrder);
  await delay(FLOOD_MS);
  const nodeRate = took.length / (FLOOD_MS / 1000);
  say(
    `events per second, ${SENDERS} devices to a node: ${Math.round(rate)}; ${cpu.toFixed(0)} us CPU of the gateway each`,
  );
  say(`events per second, a node to a node: ${Math.round(nodeRate)}`);
}

/** From the start request to the first turn of the function, image and all, on a device that knows nothing yet. */
async function measureDeployment(name: string, profile: BoardProfile): Promise<void> {
  const times: number[] = [];
  const library = new ModuleLibrary();
  for (let i = 0; i < DEPLOYMENTS; i++) {
    const socket = await openUdpSocket("127.0.0.1", 0, "bench");
    const device = new EmulatedDevice({
      nodeId: randomUuid(systemRandom),
      gatewayAddress: "127.0.0.1",
      profile,
      clock: systemClock,
      random: systemRandom,
      socket,
      library,
      peripherals: { resources: [] },
      settings: { gatewayPort: coapPort },
    });
    device.powerOn();
    const nodeId = device.nodeId as Uuid;
    await until(() => updates.has(nodeId));
    const agent = agentOf(nodeId);
    const beganMs = performance.now();
    const started = await agent.startFunction({
      code: {
        id: DEPLOYED,
        functionType: "RUST_WASM",
        version: "1",
        binary: functionOf(DEPLOYED),
        outputs: [],
      },
      annotations: new Map(),
      state: { stateId: OUTSIDE.functionId, policy: "transient" },
      workflowId: "",
    });
    if (!started.ok) throw new Error(started.error.detail);
    const outputs = new Map([["reading", OUTSIDE]]);
    await agent.patchFunction({ source: started.value.functionId, outputs });
    await until(() => device.device?.instances().some(({ state }) => state === RUNNING) === true);
    times.push(performance.now() - beganMs);
    agent.close();
    device.powerOff();
    await socket.close();
  }
  const size = functionOf(DEPLOYED).length;
  say(
    `a function of ${size} bytes runs on ${name}: first ${times[0]?.toFixed(0)} ms, ` +
      `median ${quantile(times, 0.5).toFixed(0)} ms, p90 ${quantile(times, 0.9).toFixed(0)} ms`,
  );
}

const devices = await measureRegistrations();
await measureEvents(devices);
for (const device of devices) await device.close();
await measureDeployment("a board with WebAssembly", BOARD_PROFILES["esp32-wasm"] as BoardProfile);
await measureDeployment("a board with an interpreter", BOARD_PROFILES["esp32-js"] as BoardProfile);
say("bytes of UDP payload: request + acknowledgement");
await measureAir(say);
gateway.child.kill();
node.child.kill();
await register.close();
await peer.close();
process.exit();
