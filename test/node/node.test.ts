import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { parse } from "smol-toml";
import t from "tap";
import type { Agent } from "../../core/api.js";
import type { InstanceId } from "../../core/instance-id.js";
import { SILENT } from "../../core/log.js";
import type { Uuid } from "../../core/uuid.js";
import { connectInvocation, startServer } from "../../grpc-api/index.js";
import { type NodeConfig, parseNodeConfig } from "../../node/config/node-config.js";
import { nodeTemplate } from "../../node/config/node-template.js";
import { type RunningNode, startNode } from "../../node/node.js";
import { encodeHttpResponse } from "../../node/resources/http-message.js";
import { systemClock } from "../../platform/system-clock.js";
import { systemRandom } from "../../platform/system-random.js";
import { eventually } from "../kit/eventually.js";
import { freePorts } from "../kit/free-ports.js";
import { readMetrics } from "../kit/metrics-page.js";
import { constant, guestModule } from "./functions/kit/guest-module.js";
import { cast, instance, uuid } from "./kit/events.js";
import { ScriptedOrchestrator } from "./kit/scripted-orchestrator.js";

t.setTimeout(120_000);
const folder = mkdtempSync(join(tmpdir(), "edgeless-node-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const ENVIRONMENT = { clock: systemClock, random: systemRandom, logger: SILENT };
const NODE_A = uuid(0xa);
const NODE_B = uuid(0xb);

interface Wanted {
  readonly nodeId: Uuid;
  readonly registerUrl: string;
  readonly agentUrl?: string;
  readonly invocationUrl?: string;
  readonly metricsUrl?: string;
  readonly ingressUrl?: string;
}

function configOf(wanted: Wanted): NodeConfig {
  const text = nodeTemplate({
    nodeId: wanted.nodeId,
    agentUrl: wanted.agentUrl ?? "http://127.0.0.1:0",
    invocationUrl: wanted.invocationUrl ?? "http://127.0.0.1:0",
    metricsUrl: wanted.metricsUrl ?? "",
    nodeRegisterUrl: wanted.registerUrl,
    httpIngressUrl: wanted.ingressUrl ?? "",
    stateFolder: join(folder, wanted.nodeId),
  });
  const config = parseNodeConfig(parse(text));
  return {
    ...config,
    general: { ...config.general, subscription_refresh_interval_sec: 1 },
    dataplane: { queue_age_ms: 1_000, deadline_ms: 2_000 },
  };
}

async function withOrchestrator(work: (orchestrator: ScriptedOrchestrator, url: string) => Promise<void>) {
  const orchestrator = new ScriptedOrchestrator();
  const url = await orchestrator.start();
  try {
    await work(orchestrator, url);
  } finally {
    await orchestrator.stop();
  }
}

function accepted<T>(
  result: { ok: true; value: T } | { ok: false; error: { summary: string; detail?: string } },
): T {
  if (result.ok) return result.value;
  throw new Error(`${result.error.summary}: ${result.error.detail}`);
}

/** Address of the alias and of the answer in the memory of {@link worker}. */
const ALIAS = 16;
const REPLY = ALIAS + "output".length;
const WORLD = encodeHttpResponse({ status: 200, body: Buffer.from("World"), headers: new Map() });

/** A function that casts on "output" whatever is cast to it, and answers every call with {@link WORLD}. */
function worker(): Uint8Array {
  const parameter = (index: number) => [0x20, index];
  const storeWord = [0x36, 2, 0];
  return guestModule({
    imports: ["cast_asm"],
    text: `output${WORLD}`,
    handlers: {
      handle_cast_asm: [
        ...constant(ALIAS),
        ...constant("output".length),
        ...parameter(2),
        ...parameter(3),
        ...[0x10, 0],
      ],
      handle_call_asm: [
        ...[...parameter(4), ...constant(REPLY), ...storeWord],
        ...[...parameter(5), ...constant(WORLD.length), ...storeWord],
        ...constant(1),
      ],
    },
  });
}

async function startFunction(agent: Agent, id: string, binary: Uint8Array): Promise<InstanceId> {
  const result = await agent.startFunction({
    code: {
      id,
      functionType: "RUST_WASM",
      version: "0.1",
      outputs: [],
      binary,
    },
    annotations: new Map(),
    state: { stateId: uuid(0x51), policy: "transient" },
    workflowId: uuid(0x77),
  });
  return accepted(result);
}

async function startResource(
  agent: Agent,
  classType: string,
  settings: Record<string, string>,
): Promise<InstanceId> {
  const configuration = new Map(Object.entries(settings));
  return accepted(await agent.startResource({ classType, configuration, workflowId: uuid(0x77) }));
}

async function isOpen(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connectSocket({ host: hostname, port: Number(port) });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("close", () => socket.destroy());
    socket.once("connect", () => socket.destroy());
  });
}

t.test(
  "given two nodes, when functions and resources on both are wired, then casts and calls cross between them",
  async (t) => {
    await withOrchestrator(async (orchestrator, registerUrl) => {
      const [ingressPort = 0, agentPort, invocationPort] = await freePorts(3);
      const ingressUrl = `http://127.0.0.1:${ingressPort}`;
      const urlsOfB = {
        agentUrl: `http://127.0.0.1:${agentPort}`,
        invocationUrl: `http://127.0.0.1:${invocationPort}`,
      };
      const nodes: RunningNode[] = [];
      const open = async (config: NodeConfig) => {
        const node = await startNode(config, ENVIRONMENT);
        nodes.push(node);
        return node;
      };
      t.teardown(() => Promise.all(nodes.map((node) => node.close())));
      await open(configOf({ nodeId: NODE_A, registerUrl, ingressUrl, metricsUrl: "http://127.0.0.1:0" }));
      const b = await open(configOf({ nodeId: NODE_B, registerUrl, ...urlsOfB }));
      const agentA = await orchestrator.admit(NODE_A);
      let agentB = await orchestrator.admit(NODE_B);
      await orchestrator.connectAll([
        [NODE_A, agentA],
        [NODE_B, agentB],
      ]);
      t.match(orchestrator.latest(NODE_A), {
        capabilities: { runtimes: ["RUST_WASM"] },
        invocationUrl: nodes[0]?.invocationUrl,
        agentUrl: nodes[0]?.agentUrl,
      });
      const classes = orchestrator.latest(NODE_A)?.resourceProviders.map(({ classType }) => classType) ?? [];
      for (const name of ["file-log", "http-egress", "http-ingress", "http-poster"])
        t.ok(classes.includes(name), name);

      // Calls: http-ingress on A, function on B.
      let processor = await startFunction(agentB, "processor", worker());
      const calls = await startResource(agentA, "http-ingress", { method: "GET" });
      await agentA.patchResource({
        source: calls.functionId,
        outputs: new Map([["new_request", processor]]),
      });
      const get = async (path: string) => {
        const response = await fetch(`${ingressUrl}${path}`);
        return `${response.status} ${await response.text()}`;
      };
      t.equal(await get("/hello"), "200 World");

      // Casts: http-ingress on A, function on B, file-log on A.
      const repeater = await startFunction(agentB, "repeater", worker());
      const casts = await startResource(agentA, "http-ingress", { method: "POST", async: "true" });
      const file = join(folder, "casts.log");
      const log = await startResource(agentA, "file-log", { filename: file });
      await agentB.patchFunction({ source: repeater.functionId, outputs: new Map([["output", log]]) });
      await agentA.patchResource({ source: casts.functionId, outputs: new Map([["new_request", repeater]]) });
      for (let i = 0; i < 50; i++) {
        await fetch(ingressUrl, { method: "POST", body: `message ${i}` });
      }
      const lines = () => (existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : []);
      await eventually("all casts", () => lines().length >= 50, 10_000);
      t.same(
        lines(),
        Array.from({ length: 50 }, (_, i) => `message ${i}`),
        "in order, none lost, none twice",
      );

      const metrics = await readMetrics(nodes[0]?.metricsUrl ?? "");
      const counted = (what: string, name: string) =>
        metrics.get(
          `edgeless_class_events_${what}_total{class="${name}",node_id="${NODE_A}",type="${name}"}`,
        );
      t.equal(counted("out", "http-ingress"), 51, "a call and the casts");
      t.equal(counted("in", "file-log"), 50);
      t.equal(counted("failed", "file-log"), 0);

      // The ε-ORC is told what runs.
      await eventually("status of both functions", () => {
        const instances = orchestrator.latest(NODE_B)?.instances ?? [];
        return instances.length === 2 && instances.every(({ state }) => state === "running");
      });

      // The peer dies, calls fail soon; it returns at the same place and all goes on.
      const nonce = orchestrator.latest(NODE_B)?.nonce;
      await b.close();
      t.equal(orchestrator.latest(NODE_B)?.refreshDeadline, 0n, "it left");
      const startedMs = performance.now();
      t.notMatch(await get("/hello"), /^200/);
      t.ok(performance.now() - startedMs < 8_000, "the caller does not wait for ever");
      await open(configOf({ nodeId: NODE_B, registerUrl, ...urlsOfB }));
      agentB = await orchestrator.admit(NODE_B, nonce);
      await orchestrator.connectAll([
        [NODE_A, agentA],
        [NODE_B, agentB],
      ]);
      processor = await startFunction(agentB, "processor", worker());
      await agentA.patchResource({
        source: calls.functionId,
        outputs: new Map([["new_request", processor]]),
      });
      t.equal(await get("/hello"), "200 World");

      // A function whose code is no function is refused with the reason.
      await t.rejects(startFunction(agentB, "broken", new Uint8Array([1, 2, 3])), /EDGELESS_BAD_WASM/);
      await t.rejects(startResource(agentB, "no-such-class", {}), /no-such-class/);
    });
  },
);

t.test(
  "given a node, when a peer sends garbage or events for others, then it is told so and the node goes on",
  async (t) => {
    await withOrchestrator(async (orchestrator, registerUrl) => {
      const node = await startNode(configOf({ nodeId: NODE_A, registerUrl }), ENVIRONMENT);
      const { hostname, port } = new URL(node.invocationUrl);
      const raw = new Client(`${hostname}:${port}`, credentials.createInsecure());
      const peer = connectInvocation(node.invocationUrl, { deadlineMs: 5_000 });
      const handle = (bytes: Buffer) =>
        new Promise<number>((resolve) => {
          const path = "/edgeless_api.FunctionInvocation/Handle";
          const asIs = (value: Buffer) => value;
          raw.makeUnaryRequest(path, asIs, asIs, bytes, (error: ServiceError | null) =>
            resolve(error?.code ?? 0),
          );
        });
      for (const bytes of [
        [],
        [0xff],
        [0x0a, 0x7f],
        [0x0a, 0x02, 0x0a, 0x00],
        Array<number>(2000).fill(0x0a),
      ]) {
        t.equal(await handle(Buffer.from(bytes)), 3, "INVALID_ARGUMENT");
      }
      const from = instance(9, 9);
      await peer.handle(
        cast(from, { nodeId: NODE_A, functionId: uuid(99) }, "to an unknown function: taken"),
      );
      await t.rejects(peer.handle(cast(from, instance(1, 1), "for another node")), /which is not here/);
      const agent = await orchestrator.admit(NODE_A);
      await t.rejects(agent.updatePeers({ type: "add", nodeId: NODE_B, invocationUrl: "nowhere" }));
      await agent.updatePeers({ type: "add", nodeId: NODE_B, invocationUrl: "http://127.0.0.1:1" });
      await agent.updatePeers({ type: "clear" });
      await agent.stopFunction(instance(1, 1));
      peer.close();
      raw.close();
      await node.close();
      t.notOk(await isOpen(node.invocationUrl));
      t.notOk(await isOpen(node.agentUrl));
    });
  },
);

t.test(
  "given one URL for agent and data plane, when the node starts, then one server serves both",
  async (t) => {
    await withOrchestrator(async (orchestrator, registerUrl) => {
      const [port] = await freePorts(1);
      const url = `http://127.0.0.1:${port}`;
      const config = configOf({ nodeId: NODE_A, registerUrl, agentUrl: url, invocationUrl: url });
      const node = await startNode(config, ENVIRONMENT);
      t.equal(node.agentUrl, url);
      t.equal(node.invocationUrl, url);
      await orchestrator.admit(NODE_A);
      const peer = connectInvocation(url, { deadlineMs: 5_000 });
      await peer.handle(cast(instance(9, 9), { nodeId: NODE_A, functionId: uuid(99) }, "taken"));
      peer.close();
      await node.close();
      await node.close();
    });
  },
);

t.test(
  "given a port in use, when the node starts, then it fails by name and leaves nothing open",
  async (t) => {
    const blocker = await startServer("http://127.0.0.1:0", []);
    const [agentPort, metricsPort, ingressPort] = await freePorts(3);
    const wanted = {
      nodeId: NODE_A,
      registerUrl: "http://127.0.0.1:1",
      agentUrl: `http://127.0.0.1:${agentPort}`,
      metricsUrl: `http://127.0.0.1:${metricsPort}`,
      ingressUrl: `http://127.0.0.1:${ingressPort}`,
    };
    for (const key of ["agentUrl", "invocationUrl", "metricsUrl", "ingressUrl"]) {
      const config = configOf({ ...wanted, [key]: blocker.url });
      await t.rejects(startNode(config, ENVIRONMENT), { code: "EDGELESS_PORT_IN_USE" }, key);
      for (const url of Object.values({
        ...wanted,
        [key]: "http://127.0.0.1:1",
        registerUrl: "http://127.0.0.1:1",
      })) {
        if (url.startsWith("http")) t.notOk(await isOpen(url), `${key} in use: ${url} is closed again`);
      }
    }
    await blocker.close();
  },
);

t.test(
  "given no orchestrator, when it comes later and restarts, then the node registers each time",
  async (t) => {
    const [port] = await freePorts(1);
    const registerUrl = `http://127.0.0.1:${port}`;
    const node = await startNode(configOf({ nodeId: NODE_A, registerUrl }), ENVIRONMENT);
    const first = new ScriptedOrchestrator();
    await first.start(registerUrl);
    await first.admit(NODE_A);
    await first.stop();
    const second = new ScriptedOrchestrator();
    await second.start(registerUrl);
    await second.admit(NODE_A);
    t.equal(second.latest(NODE_A)?.nonce, first.latest(NODE_A)?.nonce, "the same process");
    t.ok((second.latest(NODE_A)?.health.memFree ?? 0) > 0);
    await node.close();
    await second.stop();
  },
);
