import { get } from "node:http";
import fc from "fast-check";
import t from "tap";
import { METADATA_NONE, TIMESTAMP_ZERO } from "../../../core/event.js";
import type { LogLevel } from "../../../core/log.js";
import { randomUuid, type Uuid } from "../../../core/uuid.js";
import { MOST_CLASSES, OTHER_CLASSES } from "../../../node/telemetry/class-metrics.js";
import { InstanceSeries, MOST_INSTANCES, OTHER_INSTANCES } from "../../../node/telemetry/instance-series.js";
import { NodeTelemetry } from "../../../node/telemetry/node-telemetry.js";
import { MOST_LOG_ENTRIES, MOST_SAMPLES } from "../../../node/telemetry/sample-buffer.js";
import { startMetricsServer } from "../../../platform/metrics-server.js";
import { FakeClock } from "../../kit/fake-clock.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { keepingLogger, NODE, PEER } from "../kit/resource-fixture.js";

const A = "11111111-0000-4000-8000-000000000001" as Uuid;
const B = "22222222-0000-4000-8000-000000000002" as Uuid;

function telemetryOf(performanceSamples = true) {
  const clock = new FakeClock();
  const logger = keepingLogger();
  return { clock, logger, telemetry: new NodeTelemetry({ nodeId: NODE, clock, logger, performanceSamples }) };
}

interface Page {
  readonly types: ReadonlyMap<string, string>;
  readonly values: ReadonlyMap<string, number>;
}

/** Reads a metrics page line by line and throws at the first one that OpenMetrics does not allow. */
function parsePage(text: string): Page {
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.pop() !== "# EOF") throw new Error("the page does not end with # EOF");
  const types = new Map<string, string>();
  const values = new Map<string, number>();
  for (const line of lines) {
    const comment = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line);
    if (comment?.[1] === "TYPE") types.set(comment[2] ?? "", comment[3] ?? "");
    if (comment !== null) continue;
    const sample = /^([a-z_]+)\{((?:[a-z_]+="[^"\\\n]*",?)+)\} (\S+)$/.exec(line);
    if (sample === null) throw new Error(`not a sample: ${line}`);
    const labels = (sample[2] ?? "").split(",").sort().join(",");
    const name = `${sample[1]}{${labels}}`;
    if (values.has(name)) throw new Error(`twice: ${name}`);
    values.set(name, Number(sample[3]));
  }
  return { types, values };
}

const pageOf = async (telemetry: NodeTelemetry) => parsePage(await telemetry.page.render());

t.test(
  "given reports of a function, when the page is read, then names, labels and types are known",
  async (t) => {
    const { telemetry } = telemetryOf();
    telemetry.instantiated(A, "RUST_WASM", 0.5);
    telemetry.transferred(A, "RUST_WASM", 0.15);
    telemetry.executed(A, "RUST_WASM", "cast", 0.25);
    telemetry.executed(A, "RUST_WASM", "call", 2);
    telemetry.executed(B, "file-log", "call", 0.0003);
    telemetry.dropped("mailbox-full", 3);
    telemetry.dropped("mailbox-full", 1);
    telemetry.counting(() => {})({
      target: PEER,
      source: PEER,
      streamId: 0n,
      data: { type: "err" },
      created: TIMESTAMP_ZERO,
      metadata: METADATA_NONE,
    });
    const { types, values } = await pageOf(telemetry);
    t.same([...types.entries()].slice(0, 3), [
      ["function_count", "gauge"],
      ["execution_times", "histogram"],
      ["transfer_times", "histogram"],
    ]);
    t.equal(types.get("edgeless_events_dropped"), "counter");
    const node = `node_id="${NODE}"`;
    const own = `function_id="${A}",function_type="RUST_WASM",invocation_type`;
    t.equal(values.get(`function_count{function_type="RUST_WASM",${node}}`), 1);
    t.equal(values.get(`execution_times_count{${own}="Cast",${node}}`), 1);
    t.equal(values.get(`execution_times_sum{${own}="Call",${node}}`), 2);
    t.equal(values.get(`transfer_times_count{function_id="${A}",${node}}`), 1);
    t.equal(values.get(`transfer_times_sum{function_id="${A}",${node}}`), 0.15);
    const bucket = (le: string) => values.get(`execution_times_bucket{${own}="Cast",le="${le}",${node}}`);
    for (const le of ["0.1", "0.2"]) t.equal(bucket(le), 0, le);
    for (const le of ["0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1", "+Inf"])
      t.equal(bucket(le), 1, le);
    const fine = `function_id="${B}",function_type="file-log",invocation_type="Call",le="0.0005",${node}`;
    t.equal(values.get(`execution_times_bucket{${fine}}`), 1, "short times are told apart");
    t.equal(values.get(`edgeless_events_dropped_total{${node},reason="mailbox-full"}`), 4);
    t.equal(values.get(`edgeless_events_in_total{function_type="RUST_WASM",${node}}`), 1);
    t.equal(values.get(`edgeless_events_out_total{event_type="err",${node}}`), 1);
  },
);

t.test("given two classes, when instances of them work and end, then their counts stay", async (t) => {
  const { telemetry } = telemetryOf(false);
  telemetry.accepted(A, "RUST_WASM", "pong");
  telemetry.accepted(B, "redis", "redis");
  telemetry.transferred(A, "RUST_WASM", 0.1);
  telemetry.executed(A, "RUST_WASM", "cast", 0.0004);
  telemetry.sent(A, 2);
  telemetry.dropped("unmapped-output", 3, A);
  telemetry.transferred(B, "redis", 0.1);
  telemetry.dropped("handler-failed", 1, B);
  telemetry.released(A);
  telemetry.sent(A, 5);
  telemetry.dropped("mailbox-full", 7);
  telemetry.accepted(A, "RUST_WASM", "pong");
  telemetry.sent(A, 1);
  const { types, values } = await pageOf(telemetry);
  t.equal(types.get("edgeless_class_handling_seconds"), "histogram");
  const value = (name: string, labels: string) =>
    values.get(`edgeless_class_${name}{${[...labels.split(","), `node_id="${NODE}"`].sort().join(",")}}`);
  const [pong, redis] = ['class="pong",type="RUST_WASM"', 'class="redis",type="redis"'];
  t.equal(value("events_in_total", pong), 1);
  t.equal(value("events_out_total", pong), 3, "what is gone for good reports no more, its successor goes on");
  t.equal(value("events_failed_total", pong), 0);
  t.equal(value("events_failed_total", redis), 1);
  t.equal(value("events_dropped_total", `${pong},reason="unmapped-output"`), 3);
  t.equal(value("handling_seconds_bucket", `${pong},le="0.0005"`), 1);
  t.notMatch([...values.keys()].join("\n"), /edgeless_class_events_dropped_total\{.*handler-failed/);
});

t.test("given more classes than series, when they report, then the rest share one", async (t) => {
  const { telemetry } = telemetryOf(false);
  const random = seededRandom(3);
  for (let i = 0; i < MOST_CLASSES + 5; i++) {
    const id = randomUuid(random);
    telemetry.accepted(id, "RUST_WASM", `class ${i}`);
    telemetry.sent(id, 1);
  }
  const { values } = await pageOf(telemetry);
  const shared = `class="${OTHER_CLASSES}",node_id="${NODE}",type="${OTHER_CLASSES}"`;
  t.equal(values.get(`edgeless_class_events_out_total{${shared}}`), 5);
  t.equal(
    [...values.keys()].filter((key) => key.startsWith("edgeless_class_events_out")).length,
    MOST_CLASSES + 1,
  );
});

t.test("given an instance that ends, when the page is read, then its series are gone", async (t) => {
  const { telemetry } = telemetryOf();
  for (const id of [A, B]) {
    telemetry.instantiated(id, "RUST_WASM", 0);
    telemetry.transferred(id, "RUST_WASM", 0);
    telemetry.executed(id, "RUST_WASM", "call", 0);
  }
  telemetry.exited(A, "RUST_WASM", "ok");
  telemetry.executed(A, "RUST_WASM", "call", 0);
  telemetry.transferred(A, "RUST_WASM", 0);
  const names = async () => [...(await pageOf(telemetry)).values.keys()].join("\n");
  t.notMatch(await names(), A, "also when a measurement comes late");
  t.match(await names(), B);
  telemetry.instantiated(A, "RUST_WASM", 0);
  telemetry.executed(A, "RUST_WASM", "call", 0);
  t.match(await names(), A, "an instance that is started again counts again");
});

t.test(
  "given any order of starts and ends, then function_count is the number of running instances",
  async () => {
    const step = fc.tuple(fc.constantFrom(A, B, NODE), fc.boolean());
    await fc.assert(
      fc.asyncProperty(fc.array(step), async (steps) => {
        const { telemetry } = telemetryOf(false);
        const running = new Set<Uuid>();
        telemetry.instantiated(PEER.functionId, "RUST_WASM", 0);
        for (const [id, starts] of steps) {
          if (starts) telemetry.instantiated(id, "RUST_WASM", 0);
          else telemetry.exited(id, "RUST_WASM", "code-error");
          if (starts) running.add(id);
          else running.delete(id);
        }
        const { values } = await pageOf(telemetry);
        return values.get(`function_count{function_type="RUST_WASM",node_id="${NODE}"}`) === running.size + 1;
      }),
      { numRuns: 50 },
    );
  },
);

t.test("given more instances than series, when they report, then the rest share one", async (t) => {
  const removed: Uuid[] = [];
  const series = new InstanceSeries(({ functionId }) => removed.push(functionId));
  const random = seededRandom(3);
  const ids = Array.from({ length: MOST_INSTANCES }, () => randomUuid(random));
  t.same(
    ids.map((id) => series.use(id, "x")),
    ids,
  );
  t.equal(series.use(A), OTHER_INSTANCES);
  const first = ids[0] ?? A;
  series.end(first);
  t.same(removed, [first]);
  t.equal(series.use(first), undefined);
  t.equal(series.use(A), A, "there is room again");
  for (const id of ids) series.end(id);
  for (let i = 0; i < 5_000; i++) series.end(randomUuid(random));
  t.equal(removed.length, MOST_INSTANCES);
});

t.test("given ten reports of each kind, when they are drained, then they are in order, once", async (t) => {
  const { telemetry, clock } = telemetryOf();
  for (let i = 0; i < 10; i++) {
    telemetry.instantiated(A, "RUST_WASM", i);
    telemetry.initialised(A, "RUST_WASM", i + 10);
    telemetry.executed(A, "RUST_WASM", "cast", i + 20);
    telemetry.stopped(A, "RUST_WASM", i + 30);
    telemetry.transferred(i % 2 ? A : B, "RUST_WASM", i + 40);
    telemetry.logged(A, "debug", "target", `line ${i}`);
    await clock.advance(1_500);
  }
  const samples = telemetry.drain();
  const upFrom = (start: number, step = 1) => Array.from({ length: 10 / step }, (_, i) => start + i * step);
  const seconds = (list: readonly { seconds: number }[] | undefined) => list?.map((item) => item.seconds);
  t.same(seconds(samples.instantiateTimes.get(A)), upFrom(0));
  t.same(seconds(samples.initTimes.get(A)), upFrom(10));
  t.same(seconds(samples.executionTimes.get(A)), upFrom(20));
  t.same(seconds(samples.stopTimes.get(A)), upFrom(30));
  t.same(seconds(samples.transferTimes.get(B)), upFrom(40, 2));
  t.same(samples.logEntries.get(A)?.[3], {
    time: { seconds: 1_700_000_004, nanoseconds: 500_000_000 },
    target: "target",
    message: "line 3",
  });
  t.same(samples.initTimes.get(A)?.[1]?.time, { seconds: 1_700_000_001, nanoseconds: 500_000_000 });
  for (const series of Object.values(telemetry.drain())) t.equal(series.size, 0);
});

t.test("given more samples than a report may hold, then the excess is counted", async (t) => {
  const { telemetry } = telemetryOf();
  for (let i = 0; i < MOST_SAMPLES + 5; i++) telemetry.executed(A, "x", "cast", i);
  for (let i = 0; i < MOST_LOG_ENTRIES + 7; i++) telemetry.logged(A, "trace", "t", "m".repeat(3_000));
  const { executionTimes, logEntries } = telemetry.drain();
  t.equal(executionTimes.get(A)?.length, MOST_SAMPLES);
  t.equal(logEntries.get(A)?.length, MOST_LOG_ENTRIES);
  t.equal(logEntries.get(A)?.[0]?.message.length, 1_024);
  const { values } = await pageOf(telemetry);
  t.equal(values.get(`edgeless_samples_dropped_total{kind="performance",node_id="${NODE}"}`), 12);
  telemetry.executed(A, "x", "cast", 1);
  t.equal(telemetry.drain().executionTimes.get(A)?.length, 1, "there is room again");
});

t.test("given samples that nobody wants, when they are drained, then there are none", async (t) => {
  const { telemetry } = telemetryOf(false);
  telemetry.executed(A, "x", "cast", 1);
  telemetry.logged(A, "info", "t", "m");
  for (const series of Object.values(telemetry.drain())) t.equal(series.size, 0);
});

t.test("given log lines of functions, when they come, then the log has them at their level", async (t) => {
  const { telemetry, logger } = telemetryOf();
  const levels: LogLevel[] = ["error", "warn", "info", "debug", "trace"];
  for (const level of levels) telemetry.logged(A, level, "edgeless::app", "hello");
  t.same(
    logger.lines,
    levels.map((level) => `${level} edgeless::app: hello`),
  );
});

/** Status, content type and body of a GET. */
function fetchPage(url: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () =>
        resolve([`${response.statusCode}`, response.headers["content-type"] ?? "", body]),
      );
    }).on("error", reject);
  });
}

t.test("given a metrics server, when it is asked, then only /metrics is served", async (t) => {
  const { telemetry, logger } = telemetryOf();
  const start = (url: string) => startMetricsServer(url, telemetry.page, logger);
  const server = await start("http://localhost:0");
  if (server === undefined) throw new Error("no server");
  telemetry.instantiated(A, "RUST_WASM", 0);
  const [status, type, body = ""] = await fetchPage(`${server.url}/metrics?x`);
  t.equal(status, "200");
  t.equal(type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  t.equal(parsePage(body).types.get("function_count"), "gauge");
  for (const path of ["/", "/metrics/", "/other"])
    t.equal((await fetchPage(`${server.url}${path}`))[0], "404", path);
  const post = await fetch(`${server.url}/metrics`, { method: "POST", body: "x" });
  t.equal(post.status, 405);
  await t.rejects(start(server.url), { code: "EDGELESS_PORT_IN_USE", message: /metrics_url/ });
  await server.close();
  await t.rejects(fetchPage(`${server.url}/metrics`), { code: "ECONNREFUSED" });
  t.equal(await start(""), undefined, "an empty URL turns it off");
  await t.rejects(start("https://127.0.0.1:0"), { code: "EDGELESS_BAD_URL" });
  await t.rejects(start("7007"), { code: "EDGELESS_BAD_URL" });
  await t.rejects(start("http://192.0.2.1:0"), { code: "EDGELESS_CANNOT_BIND" });
});

t.test(
  "given a page that fails, when it is asked for, then the answer is 500 and the log says so",
  async (t) => {
    const logger = keepingLogger();
    const page = { contentType: "x", render: () => Promise.reject(new Error("no page")) };
    const server = await startMetricsServer("http://127.0.0.1:0", page, logger);
    t.equal((await fetchPage(`${server?.url}/metrics`))[0], "500");
    t.match(logger.lines, ["error the metrics page failed: no page"]);
    await server?.close();
  },
);
