/*
 * Counts what each operation puts on the air between a gateway and a device: UDP payload, both ways, on a link without loss.
 */
import { setTimeout as delay } from "node:timers/promises";
import { parse } from "smol-toml";
import type { Agent, NodeUpdate } from "../core/api.js";
import type { InstanceId } from "../core/instance-id.js";
import { SILENT } from "../core/log.js";
import { randomUuid } from "../core/uuid.js";
import { BOARD_PROFILES, type BoardProfile } from "../emulator/board-profile.js";
import { EmulatedDevice } from "../emulator/emulated-device.js";
import { ModuleLibrary } from "../emulator/module-library.js";
import { SimulatedNetwork } from "../emulator/network/simulated-network.js";
import { seededRandom } from "../emulator/seeded-random.js";
import { parseGatewayConfig } from "../gateway/config.js";
import { gatewayTemplate } from "../gateway/config-template.js";
import { startGateway } from "../gateway/start-gateway.js";
import { connectAgent, connectInvocation, nodeRegistrationService, startServer } from "../grpc-api/index.js";
import { systemClock } from "../platform/system-clock.js";
import { eventFor, functionOf, OUTSIDE } from "./gateway-load.js";

const GATEWAY = "10.0.0.1";
const DEVICE = "10.0.0.2";
const PORT = 5683;
/** The air is taken to be quiet after so long without a datagram, milliseconds. */
const QUIET_MS = 250;
/** Longest refresh without news. */
const REFRESH_BYTES = 12;
/** Type of a confirmable message, bits 4 and 5 of the first byte (RFC 7252 section 3). */
const CONFIRMABLE = 0;

/** What went over the air. */
interface Traffic {
  /** Exchanges that the device began: bytes of the requests, and of their acknowledgements. */
  up: number;
  upAnswers: number;
  /** Those that the gateway began. */
  down: number;
  downAnswers: number;
}

const NOTHING: Traffic = { up: 0, upAnswers: 0, down: 0, downAnswers: 0 };

/** Measures and prints. */
export async function measureAir(say: (line: string) => void): Promise<void> {
  let traffic = { ...NOTHING };
  let lastMs = 0;
  const random = seededRandom(1);
  const network = new SimulatedNetwork(systemClock, random);
  const refresh = { id: -1, request: 0, answer: 0 };
  network.onPassing = ({ from, datagram }) => {
    const isRequest = (((datagram[0] ?? 0) >> 4) & 3) === CONFIRMABLE;
    const isUp = from.startsWith(DEVICE);
    // Refreshes come between all else.
    const id = ((datagram[2] ?? 0) << 8) | (datagram[3] ?? 0);
    if (isUp && isRequest && isRefresh(datagram)) {
      refresh.id = id;
      if (datagram.length <= REFRESH_BYTES) refresh.request = datagram.length;
      return;
    }
    if (!isUp && !isRequest && id === refresh.id) {
      if (refresh.request > 0) refresh.answer = datagram.length;
      return;
    }
    lastMs = performance.now();
    if (isUp) traffic[isRequest ? "up" : "downAnswers"] += datagram.length;
    else traffic[isRequest ? "down" : "upAnswers"] += datagram.length;
  };
  const updates: NodeUpdate[] = [];
  const updateNode = async (update: NodeUpdate) => {
    updates.push(update);
    return { ok: true, value: undefined } as const;
  };
  const register = await startServer("http://127.0.0.1:0", [nodeRegistrationService({ updateNode })]);
  const template = gatewayTemplate({
    coapUrl: `coap://${GATEWAY}:${PORT}`,
    nodeRegisterUrl: register.url,
    invocationUrl: "http://127.0.0.1:0",
    ...{ controlUrl: "", metricsUrl: "", persistencePath: "" },
  });
  const socket = network.open(GATEWAY, PORT);
  const environment = { clock: systemClock, random, logger: SILENT, socket };
  const gateway = await startGateway(parseGatewayConfig(parse(template)), environment);
  const device = new EmulatedDevice({
    nodeId: randomUuid(random),
    gatewayAddress: GATEWAY,
    profile: BOARD_PROFILES["esp32-wasm"] as BoardProfile,
    clock: systemClock,
    random,
    socket: network.open(DEVICE, PORT),
    library: new ModuleLibrary(),
    peripherals: { resources: ["scd30-sensor", "epaper-display"] },
    settings: { name: "desk", lifetimeSeconds: 3, logIntervalMs: 3_600_000 },
  });
  const during = async (work: () => unknown): Promise<Traffic> => {
    traffic = { ...NOTHING };
    await work();
    lastMs = performance.now();
    while (performance.now() - lastMs < QUIET_MS) await delay(QUIET_MS / 5);
    return traffic;
  };
  const row = (name: string, request: number, answer: number) =>
    say(`${name.padEnd(44)}${String(request).padStart(6)} + ${String(answer).padStart(3)}`);
  const registered = await during(() => device.powerOn());
  row("register, two resources", registered.up, registered.upAnswers);
  const update = updates.at(-1);
  if (update === undefined) throw new Error("the device is no node");
  const agent = connectAgent(update.agentUrl, { deadlineMs: 5_000 });
  while (refresh.answer === 0) await delay(QUIET_MS);
  row("refresh, nothing changed", refresh.request, refresh.answer);

  let instance: InstanceId | undefined;
  const begin = async () => {
    instance = await start(agent, "climate");
  };
  const first = await during(begin);
  await during(() => agent.stopFunction(instance as InstanceId));
  const again = await during(begin);
  row("start a function and tell its outputs", again.down, again.downAnswers);
  const size = functionOf("climate").length;
  const image = first.down - again.down;
  const answers = first.downAnswers - again.downAnswers;
  row(`image of ${size} bytes`, image, answers);
  row("  for each KiB", Math.round((image * 1024) / size), Math.round((answers * 1024) / size));

  let sender: InstanceId = OUTSIDE;
  await during(async () => {
    sender = await start(agent, "double_tiny");
  });
  const outputs = new Map([["result", OUTSIDE]]);
  const patched = await during(() => agent.patchFunction({ source: sender.functionId, outputs }));
  row("patch, one output", patched.down, patched.downAnswers);
  const invocation = connectInvocation(gateway.invocationUrl, { deadlineMs: 5_000 });
  const casts = await during(() => invocation.handle(eventFor(sender, "1233")));
  row("cast of 4 bytes to the device", casts.down, casts.downAnswers);
  row("cast of 4 bytes from the device", casts.up, casts.upAnswers);
  let callee: InstanceId = OUTSIDE;
  await during(async () => {
    callee = await start(agent, "pong");
  });
  const calls = await during(() => invocation.handle(eventFor(callee, "PING", "call")));
  row("call of 4 bytes to the device", calls.down, calls.downAnswers);
  row("reply of 4 bytes from the device", calls.up, calls.upAnswers);
  const stopped = await during(() => agent.stopFunction(callee));
  row("stop", stopped.down, stopped.downAnswers);

  device.powerOff();
  for (const connection of [agent, invocation]) connection.close();
  await gateway.close();
  await register.close();
}

/** True for a path `rd/<n>` behind a token of two bytes; registrations have a query instead of a second part. */
function isRefresh(datagram: Uint8Array): boolean {
  const [head = 0, r = 0, d = 0, next = 0xff] = datagram.subarray(6);
  return head === 0xb2 && r === 0x72 && d === 0x64 && next >> 4 === 0;
}

async function start(agent: Agent, id: string): Promise<InstanceId> {
  const started = await agent.startFunction({
    code: { id, functionType: "RUST_WASM", version: "1", binary: functionOf(id), outputs: [] },
    annotations: new Map(),
    state: { stateId: OUTSIDE.functionId, policy: "transient" },
    workflowId: "",
  });
  if (!started.ok) throw new Error(started.error.detail);
  return started.value;
}
