import t from "tap";
import { eventually } from "../kit/eventually.js";
import { functionOf, resourceOf, System, workflowOf } from "../kit/system.js";

/** A counter whose numbers are doubled into a file. */
const doubling = (filename: string) =>
  workflowOf(
    [
      functionOf("source", "counter", { output: "twice" }, { "init-payload": "0" }),
      functionOf("twice", "double", { result: "log" }),
    ],
    [resourceOf("log", "file-log", { filename })],
  );

t.setTimeout(300_000);

t.test("given a system of processes", async (t) => {
  const system = await System.create({
    domains: 1,
    nodesPerDomain: 2,
    wasmRuntime: "max_run_time_ms = 300",
  });
  t.teardown(() => system.close());

  t.test("when its components start in any order, then they find each other", async (t) => {
    await system.runAll(["node0-0", "node0-1"]);
    await system.run("orc0");
    await system.run("con");
    await system.ready();
    const { workflowId } = await system.start(doubling("order.txt"));
    await system.running(workflowId);
    await system.api.stop(workflowId);
    t.pass("the workflow runs");
  });

  t.test("when controller or orchestrator are killed, then running functions are left alone", async (t) => {
    const { workflowId, mapping } = await system.start(doubling("alone.txt"));
    await system.running(workflowId);
    const instances = async () => {
      const { instance } = await system.api.inspect(workflowId);
      t.same(new Set(instance.mapping), new Set(mapping), "the same logical ids");
      return new Set(instance.statuses.map((status) => status.instance?.functionId));
    };
    const before = await instances();
    for (const victim of ["con", "orc0"]) {
      await system.kill(victim);
      await system.run(victim);
      await system.running(workflowId);
      t.same(await instances(), before, `the same instances after the loss of ${victim}`);
    }
    const values = system.lines("alone.txt").map(Number);
    t.ok(values.length > 0);
    t.same(
      values,
      values.map((_, i) => 2 * (i + 1)),
      "no event was lost or repeated, from the very first on",
    );
    await system.api.stop(workflowId);
  });

  t.test(
    "when a node is lost and a component fits nowhere else, then it is pending until one does",
    async (t) => {
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
      await system.api.stop(workflowId);
      t.pass("and runs again");
    },
  );

  t.test("when each process is killed in turn, then everything recovers by itself", async (t) => {
    const { workflowId } = await system.start(doubling("turn.txt"));
    await system.running(workflowId);
    for (const victim of ["con", "orc0", "node0-1", "node0-0"]) {
      await system.kill(victim);
      await system.run(victim);
      await eventually(`recovery from the loss of ${victim}`, async () =>
        (await system.api.list()).includes(workflowId),
      );
      await system.running(workflowId);
      const before = system.lines("turn.txt").length;
      await eventually(
        `events after the loss of ${victim}`,
        () => system.lines("turn.txt").length > before + 2,
      );
      t.pass(`${victim} recovered`);
    }
    await system.api.stop(workflowId);
  });

  t.test("when a function never ends and is stopped, then its node and its neighbours go on", async (t) => {
    await system.ready();
    const good = await system.start(doubling("neighbours.txt"));
    await system.running(good.workflowId);
    const bad = await system.start(workflowOf([functionOf("endless", "infinite_test")]));
    await eventually("the endless function is stopped", async () => {
      const { statuses } = (await system.api.inspect(bad.workflowId)).instance;
      return statuses.some(
        ({ state, restarts, reason }) => (state === "crashed" || restarts > 0) && /time|ran/.test(reason),
      );
    });
    const before = system.lines("neighbours.txt").length;
    await eventually("the neighbours go on", () => system.lines("neighbours.txt").length > before + 2);
    t.equal((await system.api.domains("")).get("domain-0")?.numNodes, 2, "the node stays registered");
    await system.api.stop(bad.workflowId);
    await system.running(good.workflowId);
    await system.api.stop(good.workflowId);
    await eventually("an empty list", async () => (await system.api.list()).length === 0);
  });
});
