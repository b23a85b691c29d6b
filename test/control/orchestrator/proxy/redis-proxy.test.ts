import t, { type Test } from "tap";
import type { Intent } from "../../../../control/orchestrator/proxy/intent.js";
import { IntentTaker } from "../../../../control/orchestrator/proxy/intent-taker.js";
import { ProxyReader } from "../../../../control/orchestrator/proxy/proxy-reader.js";
import { RedisProxy } from "../../../../control/orchestrator/proxy/redis-proxy.js";
import type { NodeUpdate } from "../../../../core/api.js";
import { HEALTH_ZERO } from "../../../../core/health.js";
import { SILENT } from "../../../../core/log.js";
import { NO_SAMPLES } from "../../../../core/samples.js";
import { randomUuid, type Uuid } from "../../../../core/uuid.js";
import type { RedisSession } from "../../../../platform/redis/redis-session.js";
import { systemClock } from "../../../../platform/system-clock.js";
import { systemRandom } from "../../../../platform/system-random.js";
import { eventually } from "../../../kit/eventually.js";
import { settle } from "../../../kit/fake-clock.js";
import { NO_REDIS, RedisServer } from "../../../kit/redis-server.js";
import { provider, SimulatedDomain } from "../simulated-domain.js";

const skip = NO_REDIS;

interface Mirrored {
  readonly redis: RedisServer;
  readonly domain: SimulatedDomain;
  readonly reader: ProxyReader;
  readonly session: RedisSession;
}

/** A domain that is mirrored to a Redis of its own. */
async function mirrored(
  t: Test,
  options: { readonly gcPeriodMs?: number; readonly prepare?: (session: RedisSession) => Promise<void> } = {},
): Promise<Mirrored> {
  const redis = await RedisServer.start();
  t.teardown(() => redis.close());
  const session = await redis.session();
  t.teardown(() => session.close());
  await options.prepare?.(session);
  const { domain, proxy } = await mirroredTo(redis, options.gcPeriodMs ?? 0);
  t.teardown(() => proxy.close());
  t.teardown(() => domain.orchestrator.close());
  const reader = new ProxyReader(await redis.session());
  t.teardown(() => reader.close());
  await eventually("the mirror", () => reader.domainId());
  return { redis, domain, reader, session };
}

async function mirroredTo(redis: RedisServer, gcPeriodMs: number) {
  const proxy = new RedisProxy({
    ...{ domainId: "domain-7000", gcPeriodMs, clock: systemClock, random: systemRandom, logger: SILENT },
    open: () => redis.session(),
  });
  const domain = await SimulatedDomain.open("Random", 1, [proxy]);
  proxy.start(domain.orchestrator);
  return { domain, proxy };
}

function report(domain: SimulatedDomain, parts: Partial<NodeUpdate>): Promise<unknown> {
  const [node] = domain.nodes;
  if (node === undefined) throw new Error("no node");
  return domain.orchestrator.updateNode({ ...node.update(10_000_000_000n), ...parts });
}

async function outcomeOf(reader: ProxyReader, intent: Intent): Promise<string> {
  await reader.submit([intent]);
  const outcome = await eventually("an outcome", () => reader.outcome(intent));
  return outcome.accepted ? "accepted" : outcome.reason;
}

t.test(
  "given a fresh mirror, then it has the domain and nothing is new (RED-1, RED-7)",
  { skip },
  async (t) => {
    const { reader } = await mirrored(t);
    t.equal(await reader.domainId(), "domain-7000");
    t.equal((await reader.capabilities()).size, 0);
    t.equal((await reader.providers()).size, 0);
    t.equal((await reader.instances()).size, 0);
    t.equal((await reader.dependencies()).size, 0);
    t.equal((await reader.health()).size, 0);
    t.equal((await reader.series()).length, 0);
    for (const group of ["node:capabilities", "provider", "instance", "dependency"] as const)
      t.notOk(await reader.updated(group), group);
  },
);

t.test(
  "given components, then the mirror shows where each is and to whom it sends, until they stop (RED-2, RED-6)",
  { skip },
  async (t) => {
    const { domain, reader, session } = await mirrored(t);
    const node = await domain.addNode({ providers: [provider("p")] });
    const f = await domain.startFunction("f", { label: "x" });
    const r = await domain.startResource("rc-1", { key: "value" });
    await domain.patch(f, { "out-1": r });
    await eventually("the mirror of the wiring", async () => (await reader.dependencies()).size === 1);
    t.ok(await reader.updated("instance"));
    const instances = await reader.instances();
    t.notOk(await reader.updated("instance"), "nothing is new once it was read");
    t.equal(instances.size, 2);
    const ids = (id: Uuid) => instances.get(id)?.instances.map((i) => `${i.nodeId}/${i.functionId}`);
    t.strictSame(ids(f), [domain.placeOf(f)]);
    t.strictSame(ids(r), [domain.placeOf(r)]);
    t.match(instances.get(f), { kind: "function", classId: "f", workflowId: "workflow-1" });
    t.match(instances.get(r), { kind: "resource", classId: "rc-1", workflowId: "workflow-1" });
    t.strictSame([...((await reader.dependencies()).get(f) ?? [])], [["out-1", r]]);
    const [, functionId = ""] = domain.placeOf(f).split("/");
    const text = JSON.parse(String(await session.send("GET", `instance:${f}`)));
    t.match(text, {
      Function: [
        {
          spec: { id: "f", function_type: "RUST_WASM", version: "0.1", binary: null, code: null },
          annotations: { label: "x" },
          state_specification: { state_policy: "NodeLocal" },
          workflow_id: "workflow-1",
        },
        [`InstanceId(node_id: ${node.id}, function_id: ${functionId})`],
      ],
    });
    await domain.stop(f);
    await eventually("the end of the function", async () => (await reader.instances()).size === 1);
    t.ok(await reader.updated("dependency"));
    t.equal((await reader.dependencies()).size, 0);
  },
);

t.test(
  "given reports of a node, then the mirror keeps healths in order and six series, until they are old (RED-3)",
  { skip },
  async (t) => {
    const { domain, reader } = await mirrored(t, { gcPeriodMs: 1_500 });
    await domain.addNode();
    const id = randomUuid(systemRandom);
    const now = Math.floor(systemClock.wallMs() / 1000);
    const sample = (seconds: number) => [{ time: { seconds: now, nanoseconds: 500_000_000 }, seconds }];
    await report(domain, {
      health: { ...HEALTH_ZERO, memFree: 2 },
      samples: {
        instantiateTimes: new Map([[id, sample(0.1)]]),
        initTimes: new Map([[id, sample(0.2)]]),
        executionTimes: new Map([[id, [...sample(0.3), ...sample(0.0000005)]]]),
        stopTimes: new Map([[id, sample(0.4)]]),
        transferTimes: new Map([[id, sample(0.5)]]),
        logEntries: new Map([
          [id, [{ time: { seconds: now, nanoseconds: 0 }, target: "a:target", message: "a: text" }]],
        ]),
      },
    });
    await report(domain, { health: { ...HEALTH_ZERO, memFree: 3 }, samples: NO_SAMPLES });
    const [reports = []] = await eventually("three healths", async () => {
      const all = [...(await reader.health()).values()];
      return all[0]?.length === 3 ? all : undefined;
    });
    t.strictSame(
      reports.map(({ health }) => health.memFree),
      [0, 2, 3],
    );
    const series = await reader.series();
    t.strictSame(
      series.map(({ name, points }) => [name, points.map(({ value }) => value)]),
      [
        ["a:target", ["a: text"]],
        ["function_execution_time", ["0.0000005", "0.3"]],
        ["function_init_time", ["0.2"]],
        ["function_instantiate_time", ["0.1"]],
        ["function_stop_time", ["0.4"]],
        ["function_transfer_time", ["0.5"]],
      ],
    );
    t.ok(series.every(({ functionId }) => functionId === id));
    await eventually("the purge", async () => (await reader.series()).length === 0);
    await eventually("the purge of healths", async () => (await reader.health()).size === 0);
  },
);

t.test(
  "given nodes, then the mirror has their capabilities and providers as long as they are there (RED-4, RED-5)",
  { skip },
  async (t) => {
    const { domain, reader, session } = await mirrored(t);
    const stable = await domain.addNode({
      labels: ["stable"],
      providers: [provider("p-1"), provider("p-2")],
    });
    const other = await domain.addNode({ providers: [provider("p-2"), provider("p:3")] });
    await eventually("three providers", async () => (await reader.providers()).size === 3);
    const nodes = await reader.capabilities();
    t.strictSame([...nodes.keys()].sort(), [stable.id, other.id].sort());
    t.strictSame(nodes.get(stable.id), stable.capabilities);
    t.notOk(await reader.updated("node:capabilities"));
    t.equal((await reader.providers()).get("p-2")?.nodeId, stable.id, "the first to announce it");
    await domain.leave(stable);
    await eventually("the change of owner", async () => {
      return (await reader.providers()).get("p-2")?.nodeId === other.id;
    });
    t.strictSame([...(await reader.providers()).keys()], ["p-2", "p:3"]);
    t.strictSame([...(await reader.capabilities()).keys()], [other.id]);
    t.equal(await session.send("EXISTS", `node:health:${stable.id}`), 0);
  },
);

t.test(
  "given intents with 0 to 3 targets, cordons and nonsense, then each is worked off and has a result (RED-8)",
  { skip },
  async (t) => {
    const { domain, reader, session } = await mirrored(t);
    const nodes = [await domain.addNode(), await domain.addNode(), await domain.addNode()];
    const f = await domain.startFunction("f");
    const [a, b] = nodes.filter(({ id }) => id !== domain.nodeOf(f).id);
    const old = domain.nodeOf(f);
    if (a === undefined || b === undefined) return;
    const migrate = (...targets: Uuid[]) => outcomeOf(reader, { type: "migrate", logicalId: f, targets });
    t.equal(await migrate(), "no target is given");
    t.equal(await migrate(a.id), "accepted");
    await settle();
    t.equal(domain.nodeOf(f), a);
    t.equal(await outcomeOf(reader, { type: "cordon", nodeId: b.id, isCordoned: true }), "accepted");
    t.equal(await migrate(randomUuid(systemRandom), b.id, old.id), "accepted");
    await settle();
    t.equal(domain.nodeOf(f), old, "the first that fits");
    t.equal(await outcomeOf(reader, { type: "cordon", nodeId: b.id, isCordoned: false }), "accepted");
    t.equal(await migrate(b.id), "accepted");
    await settle();
    t.equal(domain.nodeOf(f), b);
    await session.send("RPUSH", "intents", "intent:migrate:nobody", "nonsense", `intent:cordon:${b.id}`);
    await session.send("RPUSH", "a-list", "x");
    await session.send("RPUSH", "intents", "a-list");
    await eventually("an empty list", async () => (await reader.waitingIntents()) === 0);
    const result = await session.send("GET", "intent_result:migrate:nobody");
    t.match(result, /is not a UUID/);
    t.equal(await session.send("EXISTS", "a-list"), 1, "keys of others stay");
    t.ok(Number(await session.send("TTL", "intent_result:migrate:nobody")) > 60);
    t.equal(await session.send("EXISTS", `intent:migrate:${f}`, `intent:cordon:${b.id}`), 0);
  },
);

t.test(
  "given a database with data of others and of an earlier mirror, then only the latter is removed",
  { skip },
  async (t) => {
    const old = randomUuid(systemRandom);
    const foreign = ["mine", "instance:not-a-uuid", "performance:x", "provider:foreign", "dependency:a:b"];
    const { session } = await mirrored(t, {
      prepare: async (session) => {
        for (const key of foreign) await session.send("SET", key, "value");
        await session.send("SET", `instance:${old}`, "{}");
        await session.send("SET", `dependency:${old}`, "{}");
        await session.send("SET", "provider:old", `{"class_type":"c","node_id":"${old}","outputs":[]}`);
        await session.send("SET", "instance:last_update", "1.5");
        await session.send("ZADD", `node:health:${old}`, "1", "{}");
        await session.send("ZADD", `performance:${old}:function_init_time`, "1", "1:1");
      },
    });
    const keys = (await session.send("KEYS", "*")) as string[];
    t.strictSame([...keys].sort(), [...foreign, "domain_info:domain_id"].sort());
  },
);

t.test(
  "given Redis is lost, frozen and back under load, then the ε-ORC goes on and the mirror is complete again",
  { skip },
  async (t) => {
    const { redis, domain, session } = await mirrored(t);
    await domain.addNode();
    await domain.addNode();
    const kept = await domain.startFunction("kept");
    const doomed = await domain.startFunction("doomed");
    await eventually("the mirror", async () => (await session.send("EXISTS", `instance:${doomed}`)) === 1);
    redis.freeze();
    const startedMs = performance.now();
    const load: Uuid[] = [];
    for (let i = 0; i < 100; i++) {
      load.push(await domain.startFunction(`load-${i}`));
      await report(domain, {});
    }
    t.ok(performance.now() - startedMs < 5_000, "a frozen Redis delays nothing");
    redis.thaw();
    const reader = new ProxyReader(await redis.session());
    t.teardown(() => reader.close());
    await eventually("the load in the mirror", async () => (await reader.instances()).size === 102);
    await redis.kill();
    await domain.stop(doomed);
    for (const id of load.slice(0, 50)) await domain.stop(id);
    const late = await domain.startFunction("late");
    await redis.run();
    const second = new ProxyReader(await redis.session());
    t.teardown(() => second.close());
    await eventually("the mirror after the loss", async () => (await second.instances()).size === 52);
    const instances = await second.instances();
    t.ok(instances.has(kept) && instances.has(late) && !instances.has(doomed));
    t.equal((await second.capabilities()).size, 2);
    const { nodeId } = instances.get(kept)?.instances[0] ?? { nodeId: kept };
    t.equal(await outcomeOf(second, { type: "cordon", nodeId, isCordoned: true }), "accepted");
  },
);

t.test(
  "given Redis is not there at the start, when it comes, then the mirror begins",
  { skip },
  async (t) => {
    const redis = await RedisServer.start();
    t.teardown(() => redis.close());
    await redis.kill();
    const { domain, proxy } = await mirroredTo(redis, 0);
    t.teardown(() => proxy.close());
    t.teardown(() => domain.orchestrator.close());
    await domain.addNode();
    const f = await domain.startFunction("f");
    await redis.run();
    const session = await redis.session();
    t.teardown(() => session.close());
    await eventually("the mirror", async () => (await session.send("EXISTS", `instance:${f}`)) === 1);
  },
);

t.test(
  "given an intent whose removal failed, then it stays in the list and is not carried out twice",
  { skip },
  async (t) => {
    const redis = await RedisServer.start();
    t.teardown(() => redis.close());
    const first = await redis.session();
    const second = await redis.session();
    t.teardown(() => second.close());
    let times = 0;
    const executor = {
      migrate: async (_id: Uuid, [target = _id]: readonly Uuid[]) => {
        times++;
        first.close();
        return { ok: true, value: target } as const;
      },
      cordon: () => Promise.reject(new Error("the disk is full")),
    };
    const taker = new IntentTaker(executor, systemClock, SILENT);
    const [logicalId, target] = [randomUuid(systemRandom), randomUuid(systemRandom)];
    const reader = new ProxyReader(second);
    const migrate = { type: "migrate", logicalId, targets: [target] } as const;
    const cordon = { type: "cordon", nodeId: target, isCordoned: true } as const;
    await reader.submit([migrate, cordon]);
    await t.rejects(taker.takeAll(first), { code: "EDGELESS_UNREACHABLE" });
    t.equal(await reader.waitingIntents(), 2);
    await taker.takeAll(second);
    t.equal(times, 1);
    t.equal(await reader.waitingIntents(), 0);
    t.match(await reader.outcome(migrate), { accepted: true, reason: "", value: target });
    t.match(await reader.outcome(cordon), { accepted: false, reason: "the disk is full", value: "yes" });
  },
);

t.test(
  "given a server that wants a password, when it is wrong, then the error says so",
  { skip },
  async (t) => {
    const redis = await RedisServer.start();
    t.teardown(() => redis.close());
    const session = await redis.session();
    await session.send("CONFIG", "SET", "requirepass", "secret");
    session.close();
    await t.rejects(redis.session(), { code: "EDGELESS_REJECTED", message: /NOAUTH|password|AUTH/i });
  },
);
