import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { BenchDevice } from "../../bench/bench-device.js";
import { DEVICE_SETTINGS } from "../../coap-api/endpoint/settings.js";
import type { Event } from "../../core/event.js";
import { BOARD_PROFILES, type BoardProfile } from "../../emulator/board-profile.js";
import { EmulatedDevice } from "../../emulator/emulated-device.js";
import { ModuleLibrary } from "../../emulator/module-library.js";
import { gatewayTemplate } from "../../gateway/config-template.js";
import { invocationService, startServer } from "../../grpc-api/index.js";
import { systemClock } from "../../platform/system-clock.js";
import { systemRandom } from "../../platform/system-random.js";
import { openUdpSocket } from "../../platform/udp-socket.js";
import { spawn } from "../gateway/kit/gateway-rig.js";
import { EdgelessProcess } from "../kit/edgeless-process.js";
import { eventually } from "../kit/eventually.js";
import { freePorts, freeUdpPort } from "../kit/free-ports.js";
import { shippedModule } from "../kit/guest-driver.js";
import { uuid } from "../node/kit/events.js";
import { ScriptedOrchestrator } from "../node/kit/scripted-orchestrator.js";

t.setTimeout(120_000);

const PEER = uuid(0xfeed);
const QUICK = { ackTimeoutMs: 200, maxTimeoutMs: 500, maxRetransmit: 20 };

t.test(
  "given devices whose functions send, when their gateway is killed twice, then they go on and no value is missing",
  async (t) => {
    const folder = t.testdir();
    const values: number[] = [];
    const handle = (event: Event) => {
      if (event.data.type === "cast") values.push(Number(event.data.payload));
    };
    const peer = await startServer("http://127.0.0.1:0", [invocationService({ handle })]);
    t.teardown(() => peer.close());
    const orchestrator = new ScriptedOrchestrator();
    const nodeRegisterUrl = await orchestrator.start();
    t.teardown(() => orchestrator.stop());
    const [controlPort = 0, invocationPort = 0] = await freePorts(2);
    const coapPort = await freeUdpPort();
    const file = join(folder, "gateway.toml");
    const template = gatewayTemplate({
      coapUrl: `coap://127.0.0.1:${coapPort}`,
      ...{ nodeRegisterUrl, metricsUrl: "" },
      invocationUrl: `http://127.0.0.1:${invocationPort}`,
      controlUrl: `http://127.0.0.1:${controlPort}`,
      persistencePath: join(folder, "state"),
    });
    writeFileSync(file, template.replace("ack_timeout_ms = 2000", "ack_timeout_ms = 200"));
    const start = () => new EdgelessProcess(["gateway", "-c", file], folder);
    let gateway = start();
    t.teardown(() => gateway.stop());

    const socket = await openUdpSocket("127.0.0.1", 0, "device");
    t.teardown(() => socket.close());
    const board = new EmulatedDevice({
      nodeId: uuid(1),
      gatewayAddress: "127.0.0.1",
      profile: BOARD_PROFILES.esp32 as BoardProfile,
      clock: systemClock,
      random: systemRandom,
      socket,
      library: new ModuleLibrary(),
      peripherals: { resources: [] },
      settings: {
        gatewayPort: coapPort,
        retryInitialMs: 100,
        retryMaximumMs: 400,
        endpoint: { ...DEVICE_SETTINGS, ...QUICK },
      },
    });
    board.powerOn();
    t.teardown(() => board.powerOff());
    const agent = await orchestrator.admit(uuid(1));
    await agent.updatePeers({ type: "add", nodeId: PEER, invocationUrl: peer.url });
    const counter = await agent.startFunction(
      spawn("counter", shippedModule("counter"), { "init-payload": "0" }),
    );
    if (!counter.ok) throw new Error(counter.error.detail);
    const sink = { nodeId: PEER, functionId: uuid(7) };
    await agent.patchFunction({ source: counter.value.functionId, outputs: new Map([["output", sink]]) });
    await eventually("values", () => values.length >= 2);
    const nonce = orchestrator.latest(uuid(1))?.nonce;
    for (let round = 1; round <= 2; round++) {
      await gateway.kill();
      const before = values.length;
      gateway = start();
      await eventually(`values after kill ${round}`, () => values.length >= before + 3, 30_000);
    }
    t.same(
      [...new Set(values)],
      Array.from({ length: Math.max(...values) }, (_, index) => index + 1),
    );
    t.comment(`${values.length} values, ${values.length - new Set(values).size} of them twice`);
    t.equal(orchestrator.latest(uuid(1))?.nonce, nonce);
    t.match(orchestrator.latest(uuid(1))?.instances, [{ state: "running", restarts: 0 }]);
  },
);

const SENDERS = 8;
const KILLS = 3;

t.test(
  "given devices that send without a pause, when their gateway is killed again and again, then no event is missing",
  async (t) => {
    const folder = t.testdir();
    const got = new Map<string, number>();
    const handle = ({ data }: Event) => {
      if (data.type === "cast") got.set(data.payload, (got.get(data.payload) ?? 0) + 1);
    };
    const peer = await startServer("http://127.0.0.1:0", [invocationService({ handle })]);
    t.teardown(() => peer.close());
    const orchestrator = new ScriptedOrchestrator();
    const nodeRegisterUrl = await orchestrator.start();
    t.teardown(() => orchestrator.stop());
    const [invocationPort = 0] = await freePorts(1);
    const coapPort = await freeUdpPort();
    const file = join(folder, "gateway.toml");
    const template = gatewayTemplate({
      coapUrl: `coap://127.0.0.1:${coapPort}`,
      ...{ nodeRegisterUrl, metricsUrl: "", controlUrl: "" },
      invocationUrl: `http://127.0.0.1:${invocationPort}`,
      persistencePath: join(folder, "state"),
    });
    writeFileSync(file, template);
    const start = () => new EdgelessProcess(["gateway", "-c", file], folder);
    let gateway = start();
    t.teardown(() => gateway.stop());

    await gateway.says(/devices at/);
    const devices: BenchDevice[] = [];
    for (let number = 0; number < SENDERS; number++) {
      const device = await BenchDevice.open(coapPort);
      t.teardown(() => device.close());
      devices.push(device);
      await device.register();
      const agent = await orchestrator.admit(device.nodeId);
      await agent.updatePeers({ type: "add", nodeId: PEER, invocationUrl: peer.url });
      const resource = { classType: "bench", configuration: new Map(), workflowId: "" };
      const started = await agent.startResource(resource);
      if (!started.ok) throw new Error(started.error.detail);
      const outputs = new Map([["out", { nodeId: PEER, functionId: uuid(number) }]]);
      await agent.patchResource({ source: started.value.functionId, outputs });
      await eventually("wired", () => device.isWired);
    }
    let isOver = false;
    let sent = 0;
    const senders = devices.map(async (device, number) => {
      for (let i = 0; !isOver; i++) {
        await device.cast(`${number}/${i}`);
        sent++;
      }
    });
    for (let round = 1; round <= KILLS; round++) {
      const before = sent;
      await eventually("events", () => sent > before + 200, 60_000);
      await gateway.kill();
      gateway = start();
      const after = sent;
      await eventually(`events after kill ${round}`, () => sent > after + SENDERS, 60_000);
    }
    isOver = true;
    await Promise.all(senders);
    await eventually("all of them", () => got.size >= sent);
    t.equal(got.size, sent, "each that was acknowledged arrived");
    const repeated = [...got.values()].filter((times) => times > 1).length;
    t.comment(`${sent} events over ${KILLS} kills, none missing, ${repeated} of them twice`);
    t.ok(repeated <= KILLS * SENDERS, "at most those under way at a kill");
    t.ok([...got.values()].every((times) => times <= 2));
  },
);
