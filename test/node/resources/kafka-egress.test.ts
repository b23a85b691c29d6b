import { connect, createServer, type Socket } from "node:net";
import t from "tap";
import { KafkaEgressProvider } from "../../../node/resources/kafka-egress/kafka-egress-provider.js";
import { MessageBatches } from "../../../node/resources/kafka-egress/message-batches.js";
import { systemClock } from "../../../platform/system-clock.js";
import { freePorts } from "../../kit/free-ports.js";
import { KafkaCluster, NO_KAFKA } from "../../kit/kafka-cluster.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { hostOf, started } from "../kit/resource-fixture.js";
import { talking } from "../kit/resource-talk.js";

t.setTimeout(200_000);

function kafka(mailboxCapacity = 2_000) {
  const provider = new KafkaEgressProvider({
    providerId: "kafka-1",
    clock: systemClock,
    random: seededRandom(5),
  });
  return talking(hostOf([provider], { mailboxCapacity }));
}

const ANSWER = { type: "call-ret", payload: "" };

t.test("given a Kafka cluster", { skip: NO_KAFKA, timeout: 180_000 }, async (t) => {
  const cluster = await KafkaCluster.start();
  t.teardown(() => cluster.close());

  t.test("when messages are cast and called, then consumers read them", async (t) => {
    const { host, cast, call, telemetry } = kafka();
    const id = await started(host, "kafka-egress", { brokers: cluster.brokers, topic: "first" });
    for (let i = 0; i < 500; i++) cast(id, `héllo ${i}`);
    t.same(await call(id, ""), ANSWER);
    const records = await cluster.read("first", 501);
    t.equal(records.length, 501);
    t.ok(
      records.every(([, key]) => key === ""),
      "the keys are empty, not absent",
    );
    const expected = [...Array.from({ length: 500 }, (_, i) => `héllo ${i}`), ""].sort();
    t.same(records.map(([, , value]) => value).sort(), expected);
    t.ok(new Set(records.map(([partition]) => partition)).size > 1, "the partitions share the load");
    t.same(telemetry.dropCounts, {});
    await host.close();
  });

  t.test("when it freezes for a while, then messages wait and arrive", async (t) => {
    const { host, cast, call } = kafka();
    const id = await started(host, "kafka-egress", { brokers: cluster.brokers, topic: "frozen" });
    t.same(await call(id, "before"), ANSWER);
    cluster.freeze();
    for (let i = 0; i < 20; i++) cast(id, `during ${i}`);
    const last = call(id, "last");
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    cluster.thaw();
    t.same(await last, ANSWER);
    const values = new Set((await cluster.read("frozen", 22)).map(([, , value]) => value));
    t.equal(values.size, 22, "each arrives at least once");
    await host.close();
  });
});

t.test(
  "given connections that are cut again and again, then messages arrive all the same",
  { skip: NO_KAFKA, timeout: 120_000 },
  async (t) => {
    const cluster = await KafkaCluster.start();
    t.teardown(() => cluster.close());
    const [host = "", port = "0"] = cluster.brokers.split(",")[0]?.split(":") ?? [];
    const sockets = new Set<Socket>();
    const relay = createServer((socket) => {
      const peer = connect(Number(port), host);
      for (const one of [socket, peer]) {
        sockets.add(one);
        one.on("error", () => {});
        one.on("close", () => sockets.delete(one));
      }
      socket.pipe(peer).pipe(socket);
    });
    await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
    const address = relay.address();
    const relayPort = typeof address === "object" ? address?.port : 0;
    const parts = kafka();
    const id = await started(parts.host, "kafka-egress", { brokers: `127.0.0.1:${relayPort}`, topic: "cut" });
    for (let i = 0; i < 5; i++) {
      for (const socket of sockets) socket.destroy();
      t.same(await parts.call(id, `message ${i}`), ANSWER);
    }
    t.equal(new Set((await cluster.read("cut", 5)).map(([, , value]) => value)).size, 5);
    await parts.host.close();
    for (const socket of sockets) socket.destroy();
    relay.close();
  },
);

t.test("given no broker, then the start succeeds, messages are given up and counted", async (t) => {
  const [port = 0] = await freePorts(1);
  const { host, call, telemetry, logger } = kafka(4);
  const id = await started(host, "kafka-egress", { brokers: `127.0.0.1:${port}`, topic: "t" });
  t.same(await call(id, "x"), { type: "err" });
  t.equal(telemetry.dropCounts["handler-failed"], 1);
  t.match(logger.lines.join("\n"), /Kafka at 127\.0\.0\.1:\d+ cannot be reached/);
  const startMs = performance.now();
  t.same(await call(id, "y"), { type: "err" });
  t.ok(performance.now() - startMs < 1_000, "later ones at once");
  await host.stop(id);
  for (const configuration of [
    { topic: "t" },
    { brokers: "h:1" },
    { brokers: "user:secret@h:1", topic: "t" },
  ]) {
    const result = await host.start({
      classType: "kafka-egress",
      configuration: new Map(Object.entries(configuration)),
      workflowId: "",
    });
    t.equal(result.ok, false);
    t.notMatch(JSON.stringify(result), /secret/);
  }
  await host.close();
});

t.test(
  "given messages that wait, when they are sent, then batches are bounded, in order, and fail alone",
  async (t) => {
    const batches: number[] = [];
    const sent: string[] = [];
    const queue = new MessageBatches(async (texts) => {
      batches.push(texts.length);
      if (texts.includes("bad")) throw new Error("no");
      sent.push(...texts);
    });
    const texts = Array.from({ length: 1_200 }, (_, i) => `${i}`);
    await Promise.all(texts.map((text) => queue.add(text)));
    t.same(batches.splice(0), [500, 500, 200]);
    t.same(sent, texts);
    const long = "x".repeat(200_000);
    await Promise.all([long, long, "short"].map((text) => queue.add(text)));
    t.same(batches, [1, 2]);
    await t.rejects(queue.add("bad"), /no/);
    await queue.add("good");
    t.equal(sent.at(-1), "good");
  },
);
