import t from "tap";
import { eventually } from "../kit/eventually.js";
import { functionOf, resourceOf, System, workflowOf } from "../kit/system.js";

const WORKFLOW = workflowOf(
  [
    functionOf("source", "counter", { output: "twice" }, { "init-payload": "0" }),
    functionOf("twice", "double", { result: "log" }),
  ],
  [resourceOf("log", "file-log", { filename: "log.txt" })],
);

t.test(
  "given a running workflow, when each process is killed in turn, then everything recovers by itself",
  async (t) => {
    const system = await System.start({ domains: 1, nodesPerDomain: 2 });
    t.teardown(() => system.close());
    const { workflowId } = await system.start(WORKFLOW);
    await system.running(workflowId);
    for (const victim of ["con", "orc0", "node0-1", "node0-0"]) {
      await system.kill(victim);
      await system.run(victim);
      await eventually(`recovery from the loss of ${victim}`, async () =>
        (await system.api.list()).includes(workflowId),
      );
      await system.running(workflowId);
      const before = system.lines("log.txt").length;
      await eventually(
        `events after the loss of ${victim}`,
        () => system.lines("log.txt").length > before + 2,
      );
      t.pass(`${victim} recovered`);
    }
    await system.api.stop(workflowId);
    await eventually("an empty list", async () => (await system.api.list()).length === 0);
  },
);

t.test("given a killed controller, when it restarts, then running functions are left alone", async (t) => {
  const system = await System.start({ domains: 1, nodesPerDomain: 1 });
  t.teardown(() => system.close());
  const { workflowId, mapping } = await system.start(WORKFLOW);
  await system.running(workflowId);
  const before = (await system.api.inspect(workflowId)).instance;
  await system.kill("con");
  await system.run("con");
  await system.running(workflowId);
  const after = (await system.api.inspect(workflowId)).instance;
  t.same(new Set(after.mapping), new Set(mapping), "the same logical ids");
  t.same(
    new Set(after.statuses.map(({ instance }) => instance?.functionId)),
    new Set(before.statuses.map(({ instance }) => instance?.functionId)),
    "the same instances",
  );
  await system.kill("orc0");
  await system.run("orc0");
  await system.running(workflowId);
  const again = (await system.api.inspect(workflowId)).instance;
  t.same(
    new Set(again.statuses.map(({ instance }) => instance?.functionId)),
    new Set(before.statuses.map(({ instance }) => instance?.functionId)),
    "also after the orchestrator was killed",
  );
  const values = system.lines("log.txt").map(Number);
  t.same(
    values,
    values.map((_, i) => 2 * (i + 1)),
    "no event was lost or repeated, from the very first on",
  );
});

t.test(
  "given components that start in any order, when all are there, then they find each other",
  async (t) => {
    const system = await System.create({ domains: 1, nodesPerDomain: 1 });
    t.teardown(() => system.close());
    await system.run("node0-0");
    await system.run("orc0");
    await system.run("con");
    await system.ready();
    const { workflowId } = await system.start(WORKFLOW);
    await system.running(workflowId);
    t.ok(true, "the workflow runs");
  },
);

t.test(
  "given a node that is lost for good, when a component fits nowhere else, then it is pending until one does",
  async (t) => {
    const system = await System.start({ domains: 1, nodesPerDomain: 2 });
    t.teardown(() => system.close());
    const { workflowId } = await system.start(
      workflowOf([
        functionOf("pinned", "noop", {}, { label_match_all: "node=1" }),
        functionOf("free", "noop"),
      ]),
    );
    await system.running(workflowId);
    await system.kill("node0-1");
    await eventually("the pinned function is pending", async () => {
      const { statuses } = (await system.api.inspect(workflowId)).instance;
      return statuses.some(({ state, reason }) => state === "pending" && reason !== "");
    });
    await system.run("node0-1");
    await system.running(workflowId);
    t.pass("and runs again");
  },
);

t.test(
  "given a function that never ends, when it is stopped, then its node and its neighbours go on",
  async (t) => {
    const system = await System.start({
      domains: 1,
      nodesPerDomain: 1,
      wasmRuntime: "max_run_time_ms = 300",
    });
    t.teardown(() => system.close());
    const good = await system.start(WORKFLOW);
    await system.running(good.workflowId);
    const bad = await system.start(workflowOf([functionOf("endless", "infinite_test")]));
    await eventually("the endless function is stopped", async () => {
      const { statuses } = (await system.api.inspect(bad.workflowId)).instance;
      return statuses.some(
        ({ state, restarts, reason }) => (state === "crashed" || restarts > 0) && /time|ran/.test(reason),
      );
    });
    const before = system.lines("log.txt").length;
    await eventually("the neighbours go on", () => system.lines("log.txt").length > before + 2);
    t.equal((await system.api.domains("")).get("domain-0")?.numNodes, 1, "the node stays registered");
    await system.api.stop(bad.workflowId);
    await system.running(good.workflowId);
  },
);
