import fc from "fast-check";
import t from "tap";
import type { InstanceId } from "../../../core/instance-id.js";
import { decodeRequest, encodeMessage } from "../../../node/resources/dda/dda-message.js";
import { ddaProvider } from "../../../node/resources/dda/dda-provider.js";
import { InputOperation } from "../../../node/resources/dda/generated/state.js";
import { systemClock } from "../../../platform/system-clock.js";
import { DdaServer } from "../../kit/dda-server.js";
import { freePorts } from "../../kit/free-ports.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { hostOf, NODE, PEER, started, until } from "../kit/resource-fixture.js";
import { talking } from "../kit/resource-talk.js";

t.setTimeout(120_000);
const WAIT_MS = 30_000;
const HI = [104, 105];

const sub = (pattern: string, topic: string, target = "fn") => ({ topic, pattern, method: "cast", target });
const SUBSCRIPTIONS = [
  sub("event", "com.temp"),
  sub("action", "com.move"),
  sub("query", "com.ask"),
  sub("input", ""),
  sub("membership", ""),
  sub("unknown", "x"),
];
const PUBLICATIONS = [
  { topic: "com.temp", pattern: "event", alias: "temp" },
  { topic: "com.move", pattern: "action", alias: "move" },
  { topic: "com.ask", pattern: "query", alias: "ask" },
  { topic: "com.none!", pattern: "action", alias: "none" },
];

function configurationOf(
  url: string,
  subscriptions: unknown = SUBSCRIPTIONS,
  publications: unknown = PUBLICATIONS,
) {
  return {
    dda_url: url,
    dda_com_subscription_mapping: JSON.stringify(subscriptions),
    dda_com_publication_mapping: JSON.stringify(publications),
  };
}

function dda() {
  const provider = ddaProvider({ providerId: "dda-1", clock: systemClock, random: seededRandom(5) });
  const parts = talking(hostOf([provider], { mailboxCapacity: 100 }));
  const call = (id: InstanceId, message: unknown) =>
    parts.ask(id, typeof message === "string" ? message : JSON.stringify(message));
  const casts = () =>
    parts.sent.flatMap(({ target, data }) =>
      data.type === "cast" && target.functionId === PEER.functionId ? [data.payload] : [],
    );
  return { ...parts, call, casts };
}

/** An instance that listens to everything. */
async function listening(server: DdaServer) {
  const parts = dda();
  const id = await started(parts.host, "dda", configurationOf(server.url));
  parts.host.patch({ source: id.functionId, outputs: new Map([["fn", PEER]]) });
  await until("all subscriptions", () => server.subscriptions === 5, WAIT_MS);
  return { ...parts, id };
}

t.test("given a sidecar, when functions publish and listen, then messages go both ways", async (t) => {
  const server = await DdaServer.start();
  t.teardown(() => server.kill());
  const { host, id, call, casts, sent } = await listening(server);
  t.equal(await call(id, { ComPublishEvent: ["temp", HI] }), "");
  await until("the event", () => casts().length === 1);
  t.equal(casts()[0], '{"ComSubscribeEvent":[104,105]}');
  t.match(server.events[0], { type: "com.temp", id: "0", source: id.functionId });
  t.match(
    sent.find(({ data }) => data.type === "cast"),
    { source: { nodeId: NODE }, streamId: 0n },
  );
  for (const [publish, alias, heard, answer, result] of [
    ["ComPublishAction", "move", "ComSubscribeAction", "ComPublishActionResult", "ComSubscribeActionResult"],
    ["ComPublishQuery", "ask", "ComSubscribeQuery", "ComPublishQueryResult", "ComSubscribeQueryResult"],
  ] as const) {
    const other = await started(host, "dda", configurationOf(server.url, []));
    const count = casts().length;
    const asked = call(id, { [publish]: [alias, HI] });
    await until(heard, () => casts().length === count + 1, WAIT_MS);
    const [correlationId, bytes] = JSON.parse(casts()[count] ?? "")[heard];
    t.same(bytes, HI);
    t.equal(await call(other, { [answer]: [correlationId, [33]] }), "");
    t.equal(await asked, `{"${result}":[33]}`);
    t.equal(await call(other, { [answer]: ["unknown", [33]] }), "err", "the sidecar refuses");
    await host.stop(other);
  }
  const before = casts().length;
  t.equal(await call(id, { StatePublishSet: ["k", HI] }), "");
  t.equal(await call(id, { StatePublishDelete: "k" }), "");
  server.publish("input", "", {
    op: InputOperation.INPUT_OPERATION_UNSPECIFIED,
    key: "",
    value: new Uint8Array(),
  });
  server.publish("membership", "", { id: "m", joined: true });
  await until("state changes", () => casts().length === before + 3, WAIT_MS);
  t.same(casts().slice(before).sort(), [
    '{"StateSubscribeDelete":"k"}',
    '{"StateSubscribeMembershipChange":["m",true]}',
    '{"StateSubscribeSet":["k",[104,105]]}',
  ]);
  await host.close();
  await until("the end of the subscriptions", () => server.subscriptions === 0, WAIT_MS);
});

t.test("given a store, when functions work on it, then the answers are those of the API", async (t) => {
  const server = await DdaServer.start();
  t.teardown(() => server.kill());
  const { host, call } = dda();
  const id = await started(host, "dda", configurationOf(server.url, []));
  for (const key of ["a1", "a2", "b1", "b2", "c"]) t.equal(await call(id, { StoreSet: [key, [0, 255]] }), "");
  t.equal(await call(id, { StoreGet: "a1" }), '{"StoreGetResult":[0,255]}');
  t.equal(await call(id, { StoreGet: "none" }), '{"StoreGetResult":[]}');
  t.equal(await call(id, { StoreScanPrefix: "b" }), '{"StoreScanPrefixResult":["b1",[0,255]]}');
  t.equal(await call(id, { StoreScanPrefix: "z" }), '{"StoreScanPrefixResult":["",[]]}');
  t.equal(await call(id, { StoreScanRange: ["a2", "c"] }), '{"StoreScanRangeResult":["a2",[0,255]]}');
  t.equal(await call(id, { StoreDelete: "c" }), "");
  t.equal(await call(id, { StoreDeletePrefix: "a" }), "");
  t.same([...server.store.keys()], ["b1", "b2"]);
  t.equal(await call(id, { StoreDeleteRange: ["b1", "b2"] }), "");
  t.equal(await call(id, { StoreDeleteAll: [] }), "");
  t.equal(server.store.size, 0);
  await host.close();
});

t.test("given wrong messages and configurations, then each is refused with its reason", async (t) => {
  const server = await DdaServer.start();
  t.teardown(() => server.kill());
  const { host, call, telemetry, logger } = dda();
  const id = await started(host, "dda", configurationOf(server.url));
  const wrong: readonly unknown[] = [
    "no JSON",
    "[]",
    { ComPublishEvent: ["unknown", HI] },
    { ComPublishEvent: ["move", HI] },
    { ComPublishEvent: ["temp", [256]] },
    { ComPublishEvent: "temp" },
    { ComPublishEvent: ["temp", HI], StoreGet: "x" },
    { constructor: "x" },
    { ComSubscribeEvent: HI },
    { ComPublishAction: ["none", HI] },
  ];
  for (const message of wrong) t.equal(await call(id, message), "err", JSON.stringify(message));
  t.equal(telemetry.dropCounts["handler-failed"], wrong.length);
  const refusal = async (configuration: Record<string, string>) => {
    const result = await host.start({
      classType: "dda",
      configuration: new Map(Object.entries(configuration)),
      workflowId: "",
    });
    return result.ok ? "started" : `${result.error.detail}`;
  };
  const [port = 0] = await freePorts(1);
  t.match(
    await refusal({ dda_url: server.url }),
    /^dda configuration incomplete: dda_com_subscription_mapping/,
  );
  t.match(
    await refusal(configurationOf(server.url, [sub("event", "a"), sub("event", "a", "b")])),
    /more than once/,
  );
  t.match(await refusal(configurationOf(server.url, [], [...PUBLICATIONS, PUBLICATIONS[0]])), /alias "temp"/);
  t.match(await refusal(configurationOf(server.url, [{ ...sub("event", "a"), method: "call" }])), /method/);
  t.match(await refusal({ ...configurationOf(server.url), dda_com_publication_mapping: "{" }), /is no JSON/);
  t.match(await refusal(configurationOf("http://user:secret@h:1")), /^dda_url must be/);
  t.match(await refusal(configurationOf(`http://127.0.0.1:${port}`)), /cannot be reached$/);
  t.notMatch(logger.lines.join(), /secret/);
  await host.close();
});

t.test("given a sidecar that ends and comes back, then calls and subscriptions resume", async (t) => {
  const server = await DdaServer.start();
  t.teardown(() => server.kill());
  const { host, id, call, casts, logger } = await listening(server);
  server.kill();
  const during = call(id, { StoreSet: ["k", HI] });
  await server.run();
  t.match(await during, /^(err)?$/, "answered");
  t.equal(await call(id, { StoreSet: ["k", HI] }), "");
  await until("the subscriptions", () => server.subscriptions === 5, WAIT_MS);
  t.match(logger.lines.join("\n"), /the subscription to event com\.temp is interrupted/);
  const count = casts().length;
  t.equal(await call(id, { ComPublishEvent: ["temp", HI] }), "");
  await until("the event", () => casts().length === count + 1, WAIT_MS);
  server.isMute = true;
  const startMs = performance.now();
  t.equal(await call(id, { StoreGet: "k" }), "err");
  t.ok(performance.now() - startMs < 15_000, "a sidecar that does not answer holds nothing for ever");
  server.isMute = false;
  t.equal(await call(id, { StoreGet: "k" }), '{"StoreGetResult":[104,105]}');
  await host.close();
});

t.test("given any text, when it is read as a message, then it is one or a typed fault", async (t) => {
  const names = fc.constantFrom("StoreSet", "StoreGet", "StoreDeleteAll", "__proto__", "toString");
  const message = fc
    .tuple(names, fc.jsonValue())
    .map(([name, value]) => `{"${name}":${JSON.stringify(value)}}`);
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string(), message), (text) => {
      try {
        return decodeRequest(text).name.length > 0;
      } catch (error) {
        return error instanceof Error && error.name === "EdgelessError";
      }
    }),
  );
  fc.assert(
    fc.property(fc.string(), fc.uint8Array(), (key, value) => {
      t.same(decodeRequest(encodeMessage("StoreSet", key, value)), {
        name: "StoreSet",
        fields: [key, value],
      });
    }),
    { numRuns: 20 },
  );
});
