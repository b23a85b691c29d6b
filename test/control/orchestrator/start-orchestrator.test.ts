import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "smol-toml";
import t from "tap";
import { parseOrchestratorConfig } from "../../../control/orchestrator/config.js";
import { orchestratorTemplate } from "../../../control/orchestrator/config-template.js";
import { DomainSubscriber } from "../../../control/orchestrator/domain-subscriber.js";
import { startOrchestrator } from "../../../control/orchestrator/start-orchestrator.js";
import type { DomainRegistrationApi, DomainUpdate, DomainUpdateAnswer, Result } from "../../../core/api.js";
import { NO_DOMAIN_CAPABILITIES } from "../../../core/capabilities.js";
import type { InstanceId } from "../../../core/instance-id.js";
import { SILENT } from "../../../core/log.js";
import {
  agentServices,
  connectNodeRegistration,
  connectOrchestrator,
  domainRegistrationService,
  startServer,
} from "../../../grpc-api/index.js";
import { systemClock } from "../../../platform/system-clock.js";
import { systemRandom } from "../../../platform/system-random.js";
import { eventually } from "../../kit/eventually.js";
import { FakeClock, settle } from "../../kit/fake-clock.js";
import { readMetrics } from "../../kit/metrics-page.js";
import { SimulatedNode } from "./simulated-node.js";

const ANY = "http://127.0.0.1:0";
const environment = { clock: systemClock, random: systemRandom, logger: SILENT };

function template(): Record<string, Record<string, unknown>> {
  const general = { orchestratorUrl: ANY, orchestratorUrlAnnounced: "", nodeRegisterUrl: ANY };
  const text = orchestratorTemplate({ ...general, persistencePath: "", metricsUrl: ANY });
  return JSON.parse(JSON.stringify(parse(text)));
}

t.test(
  "given the template, then it is a valid configuration with the defaults of the reference",
  async (t) => {
    t.match(parseOrchestratorConfig(parse(orchestratorTemplate())), {
      general: {
        domain_register_url: "http://127.0.0.1:7002",
        subscription_refresh_interval_sec: 2,
        domain_id: "domain-7000",
        orchestrator_url: "http://127.0.0.1:7003",
        orchestrator_url_announced: "http://127.0.0.1:7003",
        node_register_url: "http://127.0.0.1:7004",
        persistence_path: "orchestrator.state",
      },
      telemetry: { metrics_url: "http://127.0.0.1:7014" },
      baseline: { orchestration_strategy: "Random" },
      proxy: { proxy_type: "None", proxy_gc_period_seconds: 360 },
    });
  },
);

t.test("given a configuration of the reference, then it is accepted; a wrong key is named", async (t) => {
  const raw = template();
  raw.proxy = {
    ...raw.proxy,
    redis_url: "redis://127.0.0.1:6379",
    dataset_settings: { dataset_path: "", append: true, additional_fields: "", additional_header: "" },
  };
  raw.unknown = { key: 1 };
  t.match(parseOrchestratorConfig(raw), { general: { persistence_path: "" } });
  const wrong: [section: string, key: string, value: unknown][] = [
    ["general", "domain_register_url", "no-url"],
    ["general", "subscription_refresh_interval_sec", 0],
    ["general", "domain_id", ""],
    ["general", "orchestrator_url", undefined],
    ["general", "orchestrator_url_announced", undefined],
    ["general", "node_register_url", 7],
    ["baseline", "orchestration_strategy", "random"],
    ["proxy", "proxy_type", "Kafka"],
    ["proxy", "proxy_gc_period_seconds", undefined],
  ];
  for (const [section, key, value] of wrong) {
    const config = template();
    config[section] = { ...config[section], [key]: value };
    t.throws(() => parseOrchestratorConfig(config), {
      code: "EDGELESS_BAD_CONFIG",
      message: new RegExp(`key ${section}.${key}:`),
    });
  }
  const redis = (redis_url?: string) => {
    const config = template();
    config.proxy = { ...config.proxy, proxy_type: "rEDIS", redis_url };
    return () => parseOrchestratorConfig(config);
  };
  t.doesNotThrow(redis("redis://user:password@host/3"));
  for (const url of [undefined, "host:6379", "http://host:6379", "redis://"])
    t.throws(redis(url), { code: "EDGELESS_BAD_CONFIG", message: /key proxy.redis_url:/ }, url ?? "none");
  t.throws(() => parseOrchestratorConfig("text"), { code: "EDGELESS_BAD_CONFIG" });
});

t.test(
  "given an orchestrator, a controller and a node over gRPC, then starts, restarts and farewells work",
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "orchestrator-"));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const updates: DomainUpdate[] = [];
    const controller = await startServer(ANY, [
      domainRegistrationService({
        updateDomain: (update) => {
          updates.push(update);
          return Promise.resolve({ ok: true, value: { reset: updates.length === 1, keepsOffer: true } });
        },
      }),
    ]);
    t.teardown(() => controller.close());
    const node = new SimulatedNode(0, [], systemRandom, {});
    const agent = await startServer(ANY, agentServices(node));
    t.teardown(() => agent.close());
    node.agentUrl = agent.url;

    const raw = template();
    raw.general = {
      ...raw.general,
      domain_register_url: controller.url,
      persistence_path: join(folder, "state"),
    };
    const config = parseOrchestratorConfig(raw);
    const first = await startOrchestrator(config, environment);
    const register = connectNodeRegistration(first.nodeRegisterUrl, { deadlineMs: 2_000 });
    const deadline = () => BigInt(Math.floor(Date.now() / 1000) + 60);
    t.match(await register.updateNode(node.update(deadline())), { ok: true });
    const api = connectOrchestrator(first.orchestratorUrl, { deadlineMs: 5_000 });
    const started = await api.startFunction({
      code: { id: "f", functionType: "RUST_WASM", version: "1", binary: new Uint8Array(8), outputs: [] },
      annotations: new Map(),
      state: { stateId: node.id, policy: "node-local" },
      workflowId: "w",
    });
    if (!started.ok) throw new Error(started.error.detail ?? started.error.summary);
    const instance = (): InstanceId | undefined =>
      updates.at(-1)?.components?.find(({ logicalId }) => logicalId === started.value)?.instance;
    await eventually("the report of the instance", () => instance()?.nodeId === node.id);
    t.match(updates.at(-1), { domainId: "domain-7000", orchestratorUrl: first.orchestratorUrl });
    const metrics = await readMetrics(first.metricsUrl ?? "");
    const own = 'component="orchestrator",domain="domain-7000"';
    t.equal(metrics.get(`edgeless_nodes{${own},state="usable"}`), 1);
    t.equal(metrics.get(`edgeless_functions{${own},state="starting"}`), 1);
    t.equal(metrics.get(`edgeless_functions{${own},state="crashed"}`), 0);
    t.equal(metrics.get(`edgeless_workflows{${own}}`), 1);
    t.equal(
      metrics.get(
        `edgeless_node_command_seconds_count{command="start",${own.replace(",", ",")},outcome="done"}`,
      ),
      1,
    );
    const rpc = `edgeless_rpc_seconds_count{${own},method`;
    t.equal(metrics.get(`${rpc}="FunctionInstance/Start",status="OK"}`), 1);
    t.equal(metrics.get(`${rpc}="NodeRegistration/UpdateNode",status="OK"}`), 1);
    register.close();
    api.close();
    await first.close();
    t.not(updates.at(-1)?.refreshDeadline, 0n, "what is kept is not withdrawn");

    const second = await startOrchestrator(config, environment);
    const again = connectNodeRegistration(second.nodeRegisterUrl, { deadlineMs: 2_000 });
    t.match(await again.updateNode(node.update(deadline())), { ok: true });
    await eventually("the registration", () => updates.at(-1)?.orchestratorUrl === second.orchestratorUrl);
    t.equal(node.instances.size, 1);
    t.equal(instance()?.nodeId, node.id);
    t.equal(new Set(updates.map(({ nonce }) => nonce)).size, 1);
    again.close();
    await t.rejects(startOrchestrator(config, environment), { code: "EDGELESS_STORE_LOCKED" });
    await second.close();

    const occupied = { ...config, general: { ...config.general, orchestrator_url: controller.url } };
    await t.rejects(startOrchestrator(occupied, environment), { code: "EDGELESS_PORT_IN_USE" });
    const forgetful = { ...config, general: { ...config.general, persistence_path: "" } };
    const third = await startOrchestrator(forgetful, environment);
    await eventually("the registration", () => updates.at(-1)?.orchestratorUrl === third.orchestratorUrl);
    await third.close();
    t.equal(updates.at(-1)?.refreshDeadline, 0n, "what is not kept is withdrawn");
  },
);

type Answer = (result: Result<DomainUpdateAnswer>) => void;

function subscriberWith(answer: (update: DomainUpdate, later: Answer[]) => void) {
  const clock = new FakeClock();
  const updates: DomainUpdate[] = [];
  const later: Answer[] = [];
  const resets: number[] = [];
  const state = { sequence: 0 };
  const register: DomainRegistrationApi = {
    updateDomain(update) {
      updates.push(update);
      return new Promise((resolve, reject) => {
        later.push(resolve);
        try {
          answer(update, later);
        } catch (error) {
          reject(error);
        }
      });
    },
  };
  const subscriber = new DomainSubscriber({
    register,
    clock,
    logger: SILENT,
    intervalMs: 2_000,
    report: () => ({
      domainId: "d",
      orchestratorUrl: "http://127.0.0.1:7003",
      capabilities: NO_DOMAIN_CAPABILITIES,
      counter: 0n,
      nonce: 1n,
    }),
    sequence: () => state.sequence,
    onReset: (sequence) => resets.push(sequence),
  });
  return { clock, updates, later, resets, state, subscriber };
}

const accepted: Result<DomainUpdateAnswer> = { ok: true, value: { reset: false } };

t.test(
  "given a subscriber, then it registers at once, periodically, and soon after changes but not for each",
  async (t) => {
    const { clock, updates, subscriber } = subscriberWith((_, later) => later.pop()?.(accepted));
    subscriber.start();
    await settle();
    t.equal(updates.length, 1);
    t.equal(updates[0]?.refreshDeadline, BigInt(Math.ceil(clock.wallMs() / 1000)) + 4n);
    await clock.advance(6_000);
    t.equal(updates.length, 4);
    for (let i = 0; i < 100; i++) subscriber.changed();
    await clock.advance(150);
    t.equal(updates.length, 5);
    subscriber.close();
    subscriber.changed();
    await clock.advance(10_000);
    t.equal(updates.length, 5);
    t.equal(clock.pending, 0);
  },
);

t.test(
  "given an answer to reset that comes late, then it concerns what was accepted before the question",
  async (t) => {
    const { clock, later, resets, state, subscriber } = subscriberWith(() => {});
    state.sequence = 7;
    subscriber.start();
    await settle();
    state.sequence = 9;
    await clock.advance(5_000);
    later[0]?.({ ok: true, value: { reset: true } });
    await settle();
    t.strictSame(resets, [7]);
    subscriber.close();
  },
);

t.test(
  "given a controller that hangs or fails, then the subscriber goes on with bounded effort",
  async (t) => {
    const hung = subscriberWith(() => {});
    hung.subscriber.start();
    await hung.clock.advance(600_000);
    t.equal(hung.updates.length, 16);
    for (const answer of hung.later.splice(0)) answer(accepted);
    await hung.clock.advance(4_000);
    t.ok(hung.updates.length > 16);
    hung.subscriber.close();
    let count = 0;
    const failing = subscriberWith(() => {
      count++;
      throw new Error("unreachable");
    });
    failing.subscriber.start();
    failing.subscriber.changed();
    await failing.clock.advance(10_000);
    t.ok(count >= 6 && count <= 8, `${count} tries`);
    failing.subscriber.close();
  },
);
