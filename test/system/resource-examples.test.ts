import { join } from "node:path";
import t from "tap";
import { readWorkflow } from "../../cli/files/workflow-file.js";
import type { Uuid } from "../../core/uuid.js";
import type { Workflow } from "../../core/workflow.js";
import { InputOperation } from "../../node/resources/dda/generated/state.js";
import { DdaServer } from "../kit/dda-server.js";
import { eventually } from "../kit/eventually.js";
import { HttpAnswers } from "../kit/http-answers.js";
import { answers } from "../kit/http-sink.js";
import { KafkaCluster, NO_KAFKA } from "../kit/kafka-cluster.js";
import { ollamaAnswer } from "../kit/ollama-server.js";
import { NO_REDIS, RedisServer } from "../kit/redis-server.js";
import { ROOT } from "../kit/repository.js";
import { System } from "../kit/system.js";

t.setTimeout(220_000);

/** A password of servers. */
const SECRET = "hunter2";

const doubling = await HttpAnswers.start(({ body }, response) => response.end(String(2 * Number(body))));
const ollama = await HttpAnswers.start(ollamaAnswer);
const dda = await DdaServer.start();
const system = await System.start({
  domains: 1,
  nodesPerDomain: 1,
  http: true,
  logLevel: "trace",
  resources: `redis_provider = "redis-1"
sqlx_provider = "sqlx-1"
kafka_egress_provider = "kafka-1"
dda_provider = "dda-1"
[resources.file_pusher_provider]
directory = ${JSON.stringify(join(ROOT, "examples", "hello"))}
provider = "file-pusher-1"
[resources.ollama_provider]
host = "http://user:${SECRET}@127.0.0.1"
port = ${ollama.port}
messages_number_limit = 30
provider = "ollama-1"
[[resources.serverless_provider]]
class_type = "double"
version = "0.1"
function_url = "${doubling.url.replace("//", `//user:${SECRET}@`)}/?key=${SECRET}"
provider = "double-1"
`,
});
t.teardown(async () => {
  await system.close();
  await Promise.all([doubling.kill(), ollama.kill()]);
  dda.kill();
});

/** Runs an example with servers of this test in place of those it names. */
async function run(path: string, servers: Readonly<Record<string, string>> = {}): Promise<Uuid> {
  const workflow = readWorkflow(join(ROOT, "examples", path));
  const { workflowId } = await system.start(withServers(workflow, servers));
  await system.running(workflowId);
  return workflowId;
}

function withServers(workflow: Workflow, servers: Readonly<Record<string, string>>): Workflow {
  const resources = workflow.resources.map((one) => ({
    ...one,
    configurations: new Map([...one.configurations].map(([key, text]) => [key, servers[text] ?? text])),
  }));
  return { ...workflow, resources };
}

async function stop(id: string): Promise<void> {
  for (const known of await system.api.list()) if (known === id) await system.api.stop(known);
}

const lines = (file: string, count: number) =>
  eventually(`${count} lines in ${file}`, () => {
    const found = system.lines(file);
    return found.length >= count ? found : undefined;
  });

t.test(
  "given a Redis server, when the examples run, then it has the values",
  { skip: NO_REDIS },
  async (t) => {
    const server = await RedisServer.start();
    t.teardown(() => server.close());
    const session = await server.session();
    const servers = { "redis://127.0.0.1:6379/": server.url };
    const value = (key: string) =>
      eventually(key, async () => {
        const found = await session.send("GET", key);
        return typeof found === "string" ? found : undefined;
      });
    for (const file of ["workflow.json", "workflow-state.json"]) {
      await session.send("FLUSHALL");
      const id = await run(`redis/${file}`, servers);
      t.ok(Number(await value("example-redis")) >= 42, file);
      await stop(id);
    }
    const alt = await run("redis/workflow-alt.json", servers);
    t.ok(Number(await value(`${alt}:example-redis`)) >= 42);
    await stop(alt);
    const tutorial = await run("tutorial-01/workflow.json", servers);
    const average = Number(await value("tutorial-01"));
    t.ok(average >= 0 && average <= 100, `${average}`);
    t.ok((await lines("reading-errors.log", 2)).length >= 2);
    await stop(tutorial);
    session.close();
  },
);

t.test(
  "given a Kafka cluster, when the example runs, then consumers read numbers",
  { skip: NO_KAFKA },
  async (t) => {
    const cluster = await KafkaCluster.start();
    t.teardown(() => cluster.close());
    const id = await run("kafka_egress/workflow.json", { "localhost:9092": cluster.brokers });
    await eventually("two records", async () => {
      const values = (await cluster.read("test", 2)).map(([, , value]) => Number(value)).sort();
      return values.length >= 2 && values.every((value) => value > 40);
    });
    await stop(id);
  },
);

t.test("given file_pusher, sqlx and serverless, when they run, then logs and tables fill", async (t) => {
  const pusher = await run("file_pusher/workflow.json");
  t.match((await lines("file-pusher.log", 45)).join("\n"), /# hello/);
  await stop(pusher);
  const serverless = await run("serverless/workflow-serverless.json");
  t.match((await lines("serverless.log", 2))[0], / \d*[02468]$/);
  t.match(doubling.seen[0], { url: `/?key=${SECRET}`, headers: { authorization: /^Basic / } });
  await stop(serverless);
  const sqlx = await run("sqlx/workflow.json");
  await eventually("an update", () =>
    /update: rows_affected: 1, last_insert_rowid/.test(system.log("node0-0")),
  );
  await stop(sqlx);
});

t.test("given ollama, when a request brings a prompt, then the log has the answer", async (t) => {
  const id = await run("ollama/workflow.json");
  await answers(/^200/, system.httpUrl(0), "demo.edgeless.com", "Why?");
  t.match((await lines("ollama.log", 1))[0], / llama3 heard 1: Why\?$/);
  await stop(id);
});

t.test("given a DDA, when its examples run, then they hear and publish", async (t) => {
  const sidecar = { "http://127.0.0.1:8900": dda.url };
  const test = await run("dda_test/workflow.json", sidecar);
  await eventually("the subscriptions", () => dda.subscriptions === 5);
  const sendEvent = (type: string, text: string) =>
    dda.publish("event", type, {
      type,
      id: "1",
      source: "test",
      time: "",
      data: Buffer.from(text),
      dataContentType: "",
    });
  await eventually("an answer", () => {
    sendEvent("test.event", "x");
    return dda.events.some(({ type }) => type === "test.event.out");
  });
  dda.publish("input", "", {
    op: InputOperation.INPUT_OPERATION_SET,
    key: "k",
    value: Buffer.from("v"),
  });
  await eventually("the store", () => dda.store.size > 0);
  await stop(test);
  const demo = await run("dda_demo/workflow.json", sidecar);
  await eventually("the subscription", () => dda.subscriptions >= 1);
  sendEvent("temperature", "75.5");
  await eventually("the action", () => dda.actions.some(({ type }) => type === "move_arm"));
  await stop(demo);
  t.same(await system.api.list(), []);
});

t.test("given passwords of servers, when all that ran is looked at, then no log has one", async (t) => {
  await ollama.kill();
  await doubling.kill();
  const ids = [await run("serverless/workflow-serverless.json"), await run("ollama/workflow.json")];
  await answers(/^200/, system.httpUrl(0), "demo.edgeless.com", "Why?");
  const log = await eventually("both failures", () => {
    const text = system.log("node0-0");
    return text.split("ECONNREFUSED").length > 2 && text;
  });
  t.notMatch(log, SECRET);
  t.notMatch(log, Buffer.from(`user:${SECRET}`).toString("base64"));
  for (const id of ids) {
    t.notMatch(JSON.stringify((await system.api.inspect(id)).instance), SECRET);
    await stop(id);
  }
});
