import { rmSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { readWorkflow } from "../../cli/files/workflow-file.js";
import type { Uuid } from "../../core/uuid.js";
import type { Workflow } from "../../core/workflow.js";
import { eventually } from "../kit/eventually.js";
import { answers, ask, startHttpSink } from "../kit/http-sink.js";
import { filesBelow, ROOT } from "../kit/repository.js";
import { System } from "../kit/system.js";

t.setTimeout(180_000);

/** Where the web server of the examples listens. */
const SINK = "localhost:10000";

const system = await System.start({
  domains: 1,
  nodesPerDomain: 1,
  http: true,
  logLevel: "trace",
  // The benchmarks compute for a while, on a busy machine for seconds.
  wasmRuntime: "max_run_time_ms = 5000",
});
const sink = await startHttpSink();
t.teardown(async () => {
  sink.close();
  await system.close();
});

/** Workflow files that were run. */
const done: string[] = [];

/** A workflow of examples/ that runs. */
interface Running {
  readonly id: Uuid;
  /** What the node logged since the workflow was started. */
  log(): string;
  stop(): Promise<void>;
}

async function run(path: string): Promise<Running> {
  done.push(join("examples", path));
  for (const file of ["out.log", "err.log"]) rmSync(join(system.folder, file), { force: true });
  const before = system.log("node0-0").length;
  const { workflowId } = await system.start(withOwnSink(readWorkflow(join(ROOT, "examples", path))));
  await system.running(workflowId);
  return {
    id: workflowId,
    log: () => system.log("node0-0").slice(before),
    stop: () => system.api.stop(workflowId),
  };
}

function withOwnSink(workflow: Workflow): Workflow {
  const replace = (texts: ReadonlyMap<string, string>) =>
    new Map([...texts].map(([key, text]) => [key, text.replace(SINK, `localhost:${sink.port}`)]));
  return {
    functions: workflow.functions.map((one) => ({ ...one, annotations: replace(one.annotations) })),
    resources: workflow.resources.map((one) => ({ ...one, configurations: replace(one.configurations) })),
    annotations: workflow.annotations,
  };
}

const logged = (running: Running, text: string) => eventually(text, () => running.log().includes(text));
const lines = (file: string, count: number) =>
  eventually(`${count} lines in ${file}`, () => {
    const found = system.lines(file);
    return found.length >= count ? found : undefined;
  });

// These two begin with a pause of ten and of five seconds.
const pingAsync = await run("ping_pong_async/workflow.json");
const egress = await run("http_egress/workflow.json");

t.test("given noop, when it starts and stops, then it says so", async () => {
  const running = await run("noop/workflow.json");
  await logged(running, "noop: init: nothing interesting");
  await running.stop();
  await logged(running, "noop: stop");
});

t.test("given hello, when it runs, then the log has messages in capitals", async (t) => {
  const running = await run("hello/workflow.json");
  t.match((await lines("hello.log", 3))[0], /^\d{4}-\S+\+00:00 FROM NODE_ID .* \[#0\]: HELLO EDGE!$/);
  await running.stop();
});

t.test("given file_log, when it runs, then the log has numbered messages", async (t) => {
  const running = await run("file_log/workflow.json");
  const [first, second] = await lines("my-local-file.log", 2);
  t.match(first, /\[#0\]: hello world$/);
  t.match(second, /\[#1\]: hello world$/);
  await running.stop();
});

t.test("given ping_pong, when it runs, then every call is answered", async () => {
  const running = await run("ping_pong/workflow.json");
  await logged(running, "ping: reply: PONG");
  await running.stop();
});

t.test("given http_ingress, when requests come, then a function or a log takes them", async (t) => {
  const url = system.httpUrl(0);
  const answering = await run("http_ingress/workflow.json");
  await answers(/^200 World$/, `${url}/hello`, "demo.edgeless.com");
  t.equal(await ask(`${url}/bye`, "demo.edgeless.com"), "404 Not Found");
  t.match(await ask(`${url}/hello`, "elsewhere"), /^404/);
  await answering.stop();

  const async = await run("http_ingress/workflow-async.json");
  await answers(/^200 OK$/, `${url}/?wf_id=${async.id}`, "any", "kept for later");
  t.match(await ask(url, "any", "lost"), /^404/);
  t.match((await lines("out.log", 1))[0], / kept for later$/);
  await async.stop();

  const both = [
    await run("http_ingress/workflow-multi-1.json"),
    await run("http_ingress/workflow-multi-2.json"),
  ];
  const sent = Array.from({ length: 40 }, (_, i) => `request ${i}`);
  for (const text of sent) await answers(/^200 OK$/, url, "any", text);
  await eventually("all requests", () => {
    const [one, two] = [system.lines("out-1.log"), system.lines("out-2.log")];
    if (one.length + two.length < sent.length) return false;
    t.ok(one.length > 0 && two.length > 0, "both took part");
    t.same([...one, ...two].sort(), [...sent].sort());
    return true;
  });
  for (const running of both) await running.stop();
});

t.test("given http_poster, when it counts, then a web server gets the numbers", async (t) => {
  const running = await run("http_poster/workflow.json");
  await eventually("two requests", () => sink.requests.includes("POST / 2"));
  t.ok(sink.requests.includes("POST / 1"));
  await running.stop();
});

t.test("given simple_workflow_http, when 42 comes in, then 86 goes out", async (t) => {
  const running = await run("simple_workflow_http/workflow.json");
  const url = `${system.httpUrl(0)}/read_number`;
  const host = "demo.edgeless-project.eu";
  await answers(/^200 $/, url, host, "42");
  t.equal(await ask(url, host, "forty-two"), "400 body does not contain an integer");
  await eventually("the number", () => sink.requests.includes("POST / 86"));
  await running.stop();
});

t.test("given load_balance, when messages go round, then each comes by once a second", async (t) => {
  const running = await run("load_balance/workflow.json");
  const found = await lines("out.log", 9);
  const count = (message: string) => found.slice(0, 9).filter((line) => line.endsWith(message)).length;
  t.same(["trigger1", "trigger2", "trigger3"].map(count), [3, 3, 3]);
  await running.stop();
});

t.test("given trigger, when it runs, then it sends a constant or counts", async (t) => {
  const constant = await run("trigger/workflow-constant.json");
  t.match((await lines("out.log", 2))[1], / hello world!$/);
  await constant.stop();
  const counter = await run("trigger/workflow-counter.json");
  const [first, second] = await lines("out.log", 2);
  t.match(first, / 0$/);
  t.match(second, / 1$/);
  await counter.stop();
});

t.test("given infinite_test, when it never returns, then it is ended and others go on", async (t) => {
  const beside = await run("serverless/workflow-wasm.json");
  const running = await run("infinite_test/workflow.json");
  await eventually("a restart", async () => {
    const { statuses } = (await system.api.inspect(running.id)).instance;
    return statuses.some(({ restarts }) => restarts > 0);
  });
  t.match(running.log(), /did not end within/);
  const count = system.lines("serverless.log").length;
  const [first, second] = await lines("serverless.log", count + 1);
  t.match(first, / 86$/);
  t.match(second, / 88$/);
  await running.stop();
  await beside.stop();
});

t.test("given the benchmarks, when they run, then transactions come to their end", async (t) => {
  for (const path of [
    "matrix_mul/workflow-single.json",
    "matrix_mul/workflow-chain.json",
    "vector_mul/workflow-single.json",
    "vector_mul/workflow-chain.json",
    "bench_mapreduce/workflow-only.json",
    "bench_mapreduce/workflow-process.json",
  ]) {
    const running = await run(path);
    await logged(running, "tend: 1");
    t.same(system.lines("err.log"), []);
    t.notMatch(running.log(), /trapped|did not end within/, path);
    await running.stop();
  }
});

t.test("given the examples that begin with a pause, when it is over, then they do their part", async (t) => {
  await eventually("the request", () => sink.requests.includes("GET /keys "));
  await logged(egress, "http_requestor: thank you");
  await egress.stop();
  await logged(pingAsync, "pong_async: ");
  await eventually("an answer", () => /"msg":"ping_async: [^"]*PONG/.test(pingAsync.log()));
  await pingAsync.stop();
  t.same(await system.api.list(), []);
});

t.test(
  "given the folder of examples, when this test is done, then it has run all that can run here",
  async (t) => {
    const [domain] = (await system.api.domains("")).values();
    const offered = new Set(domain?.resourceClasses);
    const runtimes = new Set(domain?.runtimes);
    const runnable = filesBelow("examples", ".json").filter((path) => {
      const { functions, resources } = readWorkflow(join(ROOT, path));
      return (
        resources.every(({ classType }) => offered.has(classType)) &&
        functions.every(({ functionClass }) => runtimes.has(functionClass.functionType))
      );
    });
    t.same([...done].sort(), runnable);
  },
);
