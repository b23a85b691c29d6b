import t, { type Test } from "tap";
import { createProgram } from "../../cli/program.js";
import { ProxyReader } from "../../control/orchestrator/proxy/proxy-reader.js";
import type { Uuid } from "../../core/uuid.js";
import { eventually } from "../kit/eventually.js";
import { NO_REDIS, RedisServer } from "../kit/redis-server.js";
import { functionOf, resourceOf, System, workflowOf } from "../kit/system.js";

t.setTimeout(300_000);

/** A domain of two nodes that is mirrored to Redis, and a delegated orchestrator. */
async function delegated(t: Test) {
  const redis = await RedisServer.start();
  t.teardown(() => redis.close());
  const system = await System.start({ domains: 1, nodesPerDomain: 2, redisUrl: redis.url });
  t.teardown(() => system.close());
  const reader = new ProxyReader(await redis.session());
  t.teardown(() => reader.close());
  await eventually("two nodes in the mirror", async () => (await reader.capabilities()).size === 2);
  const [first, second] = system.nodeIds;
  if (first === undefined || second === undefined) throw new Error("two nodes");
  const cordon = async (nodeId: Uuid, isCordoned: boolean) => {
    const intent = { type: "cordon", nodeId, isCordoned } as const;
    await reader.submit([intent]);
    await eventually("the outcome", () => reader.outcome(intent));
    if (isCordoned) return;
    await eventually("an offer of the domain", async () => {
      const { runtimes = [], resourceClasses = [] } = (await system.api.domains("")).get("domain-0") ?? {};
      return runtimes.length > 0 && resourceClasses.length > 0;
    });
  };
  return { redis, system, reader, first, second, cordon };
}

const TEN = Array.from({ length: 10 }, (_, i) => i);

/** Starts ten workflows of one component and gives the nodes they run on; they are stopped again. */
async function nodesOfTen(
  system: System,
  component: "function" | "resource",
): Promise<Set<Uuid | undefined>> {
  const started = await Promise.all(TEN.map((i) => system.start(oneOf(component, i))));
  const nodes = await Promise.all(
    started.map(async ({ workflowId }) => {
      await system.running(workflowId);
      const { statuses } = (await system.api.inspect(workflowId)).instance;
      return statuses.map(({ instance }) => instance?.nodeId);
    }),
  );
  await Promise.all(started.map(({ workflowId }) => system.api.stop(workflowId)));
  return new Set(nodes.flat());
}

async function refusedOfTen(system: System, component: "function" | "resource"): Promise<number> {
  const results = await Promise.all(TEN.map((i) => system.api.start(oneOf(component, i))));
  return results.filter(({ ok }) => !ok).length;
}

function oneOf(component: "function" | "resource", i: number) {
  return component === "function"
    ? workflowOf([functionOf("f1", "noop")])
    : workflowOf([], [resourceOf("r1", "file-log", { filename: `log-${i}.txt` })]);
}

/** What a command of `edgeless` prints, run in this process. */
async function outputOf(args: readonly string[]): Promise<string> {
  const { write } = process.stdout;
  let text = "";
  process.stdout.write = (chunk: string | Uint8Array) => {
    text += chunk.toString();
    return true;
  };
  try {
    await createProgram().parseAsync(["node", "edgeless", ...args]);
  } finally {
    process.stdout.write = write;
  }
  return text;
}

t.test("given a delegated orchestrator", { skip: NO_REDIS }, async (t) => {
  const { redis, system, reader, first, second, cordon } = await delegated(t);

  t.test("when it moves each function to the other node, then they move (SYS-4)", async (t) => {
    await eventually("two healths", async () => (await reader.health()).size === 2);
    const { workflowId, mapping } = await system.start(
      workflowOf(
        [
          functionOf("f1", "system_test", { out1: "f2", out2: "f3" }, { "init-payload": "8" }),
          functionOf("f2", "system_test", { log: "log" }),
          functionOf("f3", "system_test", { log: "log" }),
        ],
        [resourceOf("log", "file-log", { filename: "log.txt" })],
      ),
    );
    await system.running(workflowId);
    const functions = async () => {
      const instances = await reader.instances();
      return [...instances].filter(([, { kind }]) => kind === "function");
    };
    const before = await eventually("three functions", async () => {
      const all = await functions();
      return all.length === 3 && all.every(([, { instances }]) => instances.length === 1) ? all : undefined;
    });
    const wanted = new Map(
      before.map(([id, { instances }]) => {
        const target = system.nodeIds.find((nodeId) => nodeId !== instances[0]?.nodeId);
        return [id, target ?? id] as const;
      }),
    );
    await reader.submit(
      [...wanted].map(([logicalId, target]) => ({ type: "migrate", logicalId, targets: [target] })),
    );
    await eventually(
      "each function on its new node",
      async () => (await functions()).every(([id, { instances }]) => instances[0]?.nodeId === wanted.get(id)),
      10_000,
    );
    t.equal(await reader.waitingIntents(), 0);
    await system.running(workflowId);
    const former = process.cwd();
    process.chdir(system.folder);
    t.teardown(() => process.chdir(former));
    const run = async (...args: string[]) => {
      const all = [
        "proxy",
        "-r",
        redis.url,
        "-c",
        system.controllerUrl,
        "--node-print-format",
        "uuid",
        ...args,
      ];
      return (await outputOf(all)).trimEnd().split("\n");
    };
    const [id = "", target = ""] = [...wanted][0] ?? [];
    t.ok((await run("show", "functions")).includes(`${id} -> ${target}`));
    t.match((await run("show", "resources"))[0], / -> /);
    t.ok((await run("show", "logical-to-workflow")).every((line) => line.endsWith(` -> ${workflowId}`)));
    t.equal((await run("show", "logical-to-physical")).length, 4);
    t.match(
      (await run("show", "node", "capabilities"))[0],
      /^\S+ -> \d+ .* CPU\(s\) at .*, runtimes \[RUST_WASM\]/,
    );
    t.match((await run("show", "node", "health"))[0], /^\S+ -> memory free \d+ kb, used /);
    t.same(
      (await run("show", "node", "resource-providers"))[0],
      `file-log-0 -> class_type file-log, node_id ${system.nodeIds[0]}, outputs []`,
    );
    t.ok((await run("show", "node", "instances")).includes(`[F] ${id}`));
    t.match(await run("top", "nodes", "--once"), [/^Node +Runtimes +Load/, /RUST_WASM +\d+% +\d+% +[\d.]+%/]);
    const top = await run("top", "workflow", workflowId, "--once");
    t.equal(top.length, 5);
    t.same(JSON.parse((await run("--json", "show", "functions"))[0] ?? "")[id], [target]);
    t.equal((await run("dump", "instances")).filter((line) => line === `saving to fun-${id}.json`).length, 1);
    t.match(JSON.parse(system.lines(`fun-${id}.json`).join("\n")), { workflow_id: workflowId });
    await eventually("samples of the moved functions", async () => {
      const all = [...(await reader.instances()).values()].flatMap(({ instances }) => instances);
      const measured = new Set((await reader.series()).map(({ functionId }) => functionId));
      return all.some(({ functionId }) => measured.has(functionId));
    });
    const csv = await run("dump", "performance-csv");
    t.equal(csv[0], "metric,name,lid,timestamp,value");
    t.match(csv[1], /^function_\w+,(f1|f2|f3|log),[0-9a-f-]{36},\d{4}-\d\d-\d\d [\d:.]+ UTC,[\d.]+$/);
    t.match((await run("dump", "performance"))[0], /^saving to function_.*-[0-9a-f-]{36}\.dat$/);
    await run("intent", "cordon", target);
    await eventually("the outcome", () =>
      reader.outcome({ type: "cordon", nodeId: target as Uuid, isCordoned: true }),
    );
    await cordon(target as Uuid, false);
    await system.api.stop(workflowId);
    t.ok(mapping.length === 4);
  });

  t.test(
    "when nodes are cordoned, then new functions avoid them, also after a restart (SYS-5)",
    async (t) => {
      t.equal((await nodesOfTen(system, "function")).size, 2);
      await cordon(first, true);
      t.same([...(await nodesOfTen(system, "function"))], [second]);
      await system.kill("orc0");
      await system.run("orc0");
      await system.ready();
      t.same([...(await nodesOfTen(system, "function"))], [second], "the cordon is kept");
      await cordon(second, true);
      t.equal(await refusedOfTen(system, "function"), 10);
      t.equal((await system.api.list()).length, 0);
      await eventually("the domain offers none", async () => {
        const offered = (await system.api.domains("")).get("domain-0")?.runtimes;
        return offered?.length === 0;
      });
      await cordon(first, false);
      t.same([...(await nodesOfTen(system, "function"))], [first]);
      await cordon(second, false);
    },
  );

  t.test(
    "when the only node with a class is cordoned, then resources are refused until it is not (SYS-6)",
    async (t) => {
      t.same([...(await nodesOfTen(system, "resource"))], [first]);
      await cordon(first, true);
      t.equal(await refusedOfTen(system, "resource"), 10);
      await cordon(first, false);
      t.same([...(await nodesOfTen(system, "resource"))], [first]);
    },
  );
});
