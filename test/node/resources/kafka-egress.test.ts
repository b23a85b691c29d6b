import t from "tap";
import { Batches } from "../../../node/resources/batches.js";
import { kafkaEgressProvider } from "../../../node/resources/kafka-egress/kafka-egress-provider.js";
import { systemClock } from "../../../platform/system-clock.js";
import { freePorts } from "../../kit/free-ports.js";
import { KafkaCluster, NO_KAFKA } from "../../kit/kafka-cluster.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { TcpRelay } from "../../kit/tcp-relay.js";
import { hostOf, started, until } from "../kit/resource-fixture.js";
import { talking } from "../kit/resource-talk.js";

t.setTimeout(200_000);

const WAIT_MS = 30_000;

const firstOf = ({ brokers }: KafkaCluster) => brokers.split(",")[0] ?? "";

function kafka(mailboxCapacity = 2_000, patienceMs = 10_000) {
  const provider = kafkaEgressProvider({
    providerId: "kafka-1",
    clock: systemClock,
    random: seededRandom(5),
    patienceMs,
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
  "given clusters that are killed and replaced under load, then each message is accounted for",
  { skip: NO_KAFKA, timeout: 120_000 },
  async (t) => {
    let cluster = await KafkaCluster.start();
    const relay = await TcpRelay.start(firstOf(cluster));
    t.teardown(async () => {
      relay.close();
      await cluster.close();
    });
    const { host, cast, call, telemetry, logger } = kafka(100, 500);
    const id = await started(host, "kafka-egress", { brokers: relay.place, topic: "load" });
    for (let i = 0; i < 3; i++) {
      relay.cut();
      t.same(await call(id, `message ${i}`), ANSWER, "cut connections only delay");
    }
    let events = 3;
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 200; i++, events++) cast(id, `before ${round} ${i}`);
      await cluster.close();
      // More than are handled at a time and than wait.
      for (let i = 0; i < 1_500; i++, events++) cast(id, `during ${round} ${i}`);
      events++;
      t.same(await call(id, "given up"), { type: "err" }, "the queue is full");
      const failed = telemetry.dropCounts["handler-failed"] ?? 0;
      await until("losses", () => (telemetry.dropCounts["handler-failed"] ?? 0) > failed, WAIT_MS);
      cluster = await KafkaCluster.start();
      relay.target = firstOf(cluster);
      events++;
      let answer = await call(id, `after ${round}`);
      for (; answer.type === "err"; events++) answer = await call(id, `after ${round}`);
      t.same(answer, ANSWER, "delivery resumes");
      const values = (await cluster.read("load", 1)).map(([, , value]) => value);
      t.ok(values.includes(`after ${round}`));
    }
    await until(
      "all are handled",
      () => telemetry.executions.length + (telemetry.dropCounts["mailbox-full"] ?? 0) === events,
      WAIT_MS,
    );
    t.match(logger.lines.join("\n"), /interrupted|cannot be reached/);
    await host.close();
  },
);

t.test("given no broker, then the start succeeds, messages are given up and counted", async (t) => {
  const [port = 0] = await freePorts(1);
  const { host, call, telemetry, logger } = kafka(4, 500);
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
    const queue = new Batches<string, number>({
      send: async (texts) => {
        batches.push(texts.length);
        if (texts.includes("bad")) throw new Error("no");
        sent.push(...texts);
        return texts.map((text) => text.length);
      },
      lengthOf: (text) => text.length,
    });
    const texts = Array.from({ length: 1_200 }, (_, i) => `${i}`);
    const outcomes = await Promise.all(texts.map((text) => queue.add(text)));
    t.same(
      outcomes,
      texts.map((text) => text.length),
      "to each its own outcome",
    );
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
