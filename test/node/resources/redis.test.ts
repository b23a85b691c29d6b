import { createServer, type Socket } from "node:net";
import t from "tap";
import { redisProvider } from "../../../node/resources/redis/redis-provider.js";
import { systemClock } from "../../../platform/system-clock.js";
import { freePorts } from "../../kit/free-ports.js";
import { NO_REDIS, RedisServer } from "../../kit/redis-server.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { hostOf, started, until } from "../kit/resource-fixture.js";
import { talking } from "../kit/resource-talk.js";

const WAIT_MS = 30_000;
/** Events of one instance that are handled at a time. */
const CONCURRENCY = 1_000;

function redis(mailboxCapacity = 100, patienceMs = 5_000) {
  const provider = redisProvider({
    providerId: "redis-1",
    clock: systemClock,
    random: seededRandom(5),
    patienceMs,
  });
  return talking(hostOf([provider], { mailboxCapacity }));
}

t.test("given a Redis server", { skip: NO_REDIS, timeout: 120_000 }, async (t) => {
  const server = await RedisServer.start();
  t.teardown(() => server.close());

  t.test("when messages are cast and keys called, then values are written and read", async (t) => {
    const { host, cast, call, telemetry, sent } = redis();
    const plain = await started(host, "redis", { url: server.url, key: "example" }, "wf");
    const owned = await started(
      host,
      "redis",
      { url: `${server.url}/`, key: "example", "add-workflow-id": "" },
      "wf",
    );
    cast(plain, "first");
    cast(plain, "héllo \0 \ufffd");
    cast(owned, "mine");
    t.same(await call(plain, "example"), { type: "call-ret", payload: "héllo \0 \ufffd" });
    t.same(await call(owned, "example"), { type: "call-ret", payload: "mine" });
    t.same(await call(plain, "wf:example"), { type: "call-ret", payload: "mine" });
    t.same(await call(owned, "../example"), { type: "err" }, "the prefix cannot be left");
    t.same(await call(plain, "missing"), { type: "err" });
    t.equal(sent.length, 5, "casts are not answered");
    t.same(telemetry.dropCounts, {}, "an absent key is an answer, not a failure");
    await host.close();
  });

  t.test("when a value is no text, too long, or no key is configured, then it is an error", async (t) => {
    const { host, cast, call, telemetry, logger } = redis();
    const id = await started(host, "redis", { url: server.url });
    const session = await server.session();
    await session.send("EVAL", "redis.call('SET', 'bytes', '\\255\\254')", "0");
    await session.send("LPUSH", "list", "x");
    await session.send("SET", "empty", "");
    await session.send("SETRANGE", "long", String(16 * 1024 * 1024 - 1), "x");
    await session.send("SETRANGE", "longer", String(16 * 1024 * 1024), "x");
    session.close();
    t.same(await call(id, "empty"), { type: "call-ret", payload: "" });
    t.match(await call(id, "long"), { type: "call-ret", payload: /x$/ });
    const other = await started(host, "redis", { url: server.url });
    t.same(await call(other, "longer"), { type: "err" }, "no value is read without a limit");
    t.match(logger.lines.join("\n"), /the value is longer than 16777216 bytes/);
    t.same(await call(id, "bytes"), { type: "err" });
    t.match(logger.lines.join("\n"), /the value is not UTF-8/);
    t.same(await call(id, "list"), { type: "err" });
    cast(id, "nowhere");
    await until("the cast", () => telemetry.dropCounts["handler-failed"] === 4);
    await host.close();
  });

  t.test("when the server ends and comes back, then nothing is lost in a short while", async (t) => {
    const { host, cast, call, telemetry } = redis();
    const id = await started(host, "redis", { url: server.url, key: "k" });
    cast(id, "before");
    t.same(await call(id, "k"), { type: "call-ret", payload: "before" });
    await server.kill();
    cast(id, "during 1");
    cast(id, "during 2");
    const asked = call(id, "k");
    await server.run();
    t.same(await asked, { type: "call-ret", payload: "during 2" });
    t.same(telemetry.dropCounts, {});
    await host.close();
  });

  t.test("when it freezes for long, then events are given up, counted, and delivery resumes", async (t) => {
    const { host, cast, call, telemetry } = redis(4, 200);
    const [ill, well] = [
      await started(host, "redis", { url: server.url, key: "ill" }),
      await started(host, "redis", { url: server.url, key: "well" }),
    ];
    server.freeze();
    for (let i = 0; i < CONCURRENCY + 10; i++) cast(ill, `${i}`);
    const late = host.start({
      classType: "redis",
      configuration: new Map([["url", server.url]]),
      workflowId: "",
    });
    const startMs = performance.now();
    t.same(await call(well, "ill"), { type: "err" }, "calls are answered");
    t.match(await late, { ok: false }, "nothing starts");
    t.ok(performance.now() - startMs < 4_900, "before an orchestrator gives up waiting");
    await until("all given up", () => telemetry.dropCounts["handler-failed"] === CONCURRENCY + 5, WAIT_MS);
    t.equal(telemetry.dropCounts["mailbox-full"], 6, "the queue is bounded");
    server.thaw();
    const end = performance.now() + WAIT_MS;
    let answer: unknown;
    do {
      cast(ill, "again");
      answer = await call(ill, "ill");
    } while (JSON.stringify(answer) !== '{"type":"call-ret","payload":"again"}' && performance.now() < end);
    t.same(answer, { type: "call-ret", payload: "again" });
    await host.close();
  });

  t.test("when a burst comes, then it is in order, and what does not fit is counted", async (t) => {
    const { host, cast, call, telemetry } = redis(2_000);
    const id = await started(host, "redis", { url: server.url, key: "n" });
    for (let i = 0; i < 2 * CONCURRENCY; i++) cast(id, `${i}`);
    t.same(await call(id, "n"), { type: "call-ret", payload: `${2 * CONCURRENCY - 1}` });
    t.same(telemetry.dropCounts, {});
    for (let i = 0; i < 20_000; i++) cast(id, `${i}`);
    t.same(telemetry.dropCounts, { "mailbox-full": 20_000 - CONCURRENCY - 2_000 });
    await until("the rest", () => telemetry.executions.length === 3 * CONCURRENCY + 2_001, WAIT_MS);
    t.same(await call(id, "n"), { type: "call-ret", payload: `${CONCURRENCY + 1_999}` });
    await host.close();
  });

  t.test("when it is killed again and again under load, then each event is accounted for", async (t) => {
    const { host, cast, call, telemetry } = redis(100, 300);
    const id = await started(host, "redis", { url: server.url, key: "load" });
    let [events, running] = [0, true];
    const answers: Promise<unknown>[] = [];
    const load = (async () => {
      while (running) {
        for (let i = 0; i < 40; i++) cast(id, `${events++}`);
        answers.push(call(id, "load"));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    for (let i = 0; i < 3; i++) {
      await server.kill();
      const failed = telemetry.dropCounts["handler-failed"] ?? 0;
      await until("a loss", () => (telemetry.dropCounts["handler-failed"] ?? 0) > failed, WAIT_MS);
      await server.run();
      const done = telemetry.executions.length - (telemetry.dropCounts["handler-failed"] ?? 0);
      await until(
        "a success",
        () => telemetry.executions.length - (telemetry.dropCounts["handler-failed"] ?? 0) > done,
        WAIT_MS,
      );
    }
    running = false;
    await load;
    await Promise.all(answers);
    t.pass("every call is answered");
    cast(id, "last");
    t.same(await call(id, "load"), { type: "call-ret", payload: "last" });
    const total = events + answers.length + 2;
    t.equal(telemetry.executions.length + (telemetry.dropCounts["mailbox-full"] ?? 0), total);
    await host.close();
  });
});

t.test("given configurations that cannot work, when started, then the refusal says why", async (t) => {
  const [port = 0] = await freePorts(1);
  const { host, logger } = redis();
  const start = async (configuration: Record<string, string>) => {
    const result = await host.start({
      classType: "redis",
      configuration: new Map(Object.entries(configuration)),
      workflowId: "",
    });
    return result.ok ? "started" : `${result.error.summary}: ${result.error.detail}`;
  };
  t.equal(await start({}), "Invalid resource configuration: Missing Redis URL");
  t.match(await start({ url: "http://user:secret@h:1" }), /^Invalid resource configuration: url cannot be/);
  const unreachable = await start({ url: `redis://user:secret@127.0.0.1:${port}/` });
  t.match(unreachable, /^Invalid resource configuration: Redis at 127\.0\.0\.1:\d+ cannot be reached/);
  for (const text of [...logger.lines, unreachable]) t.notMatch(text, /secret/, "no password anywhere");
  await host.close();
});

t.test("given a server that speaks no Redis, when started, then it is refused in time", async (t) => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", () => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n!!!"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const { host } = redis();
  const result = await host.start({
    classType: "redis",
    configuration: new Map([["url", `redis://127.0.0.1:${port}`]]),
    workflowId: "",
  });
  t.equal(result.ok, false);
  await host.close();
  for (const socket of sockets) socket.destroy();
  server.close();
});
