import t from "tap";
import { randomUuid, type Uuid } from "../../core/uuid.js";
import { systemRandom } from "../../platform/system-random.js";
import { eventually } from "../kit/eventually.js";
import { functionOf, resourceOf, System, workflowOf } from "../kit/system.js";

t.setTimeout(300_000);

t.test(
  "given one domain with one node, when ten workflows start and stop, then all are seen and gone",
  async (t) => {
    const system = await System.start({ domains: 1, nodesPerDomain: 1 });
    t.teardown(() => system.close());
    const ids: Uuid[] = [];
    for (let i = 0; i < 10; i++) {
      const { workflowId, mapping } = await system.start(workflowOf([functionOf("f1", "noop")]));
      t.match(mapping, [{ name: "f1", domainId: "domain-0" }]);
      t.equal(mapping.length, 1);
      ids.push(workflowId);
    }
    t.same([...(await system.api.list())].sort(), [...ids].sort());
    for (const id of ids) await system.running(id);
    for (const id of ids) await system.api.stop(id);
    await system.api.stop(randomUuid(systemRandom));
    await eventually("an empty list", async () => (await system.api.list()).length === 0);
  },
);

t.test("given three nodes, when workflows cross them, then each log holds exactly its events", async (t) => {
  const system = await System.start({ domains: 1, nodesPerDomain: 3 });
  t.teardown(() => system.close());
  const workflows = [];
  for (let i = 0; i < 3; i++) {
    workflows.push(
      await system.start(
        workflowOf(
          [
            functionOf("f1", "system_test", { out1: "f2", out2: "f3", log: "log" }, { "init-payload": "8" }),
            functionOf("f2", "system_test", { log: "log" }),
            functionOf("f3", "system_test", { log: "log" }),
          ],
          [resourceOf("log", "file-log", { filename: `log-${i}.txt` })],
        ),
      ),
    );
  }
  for (const { mapping } of workflows) {
    t.same(mapping.map(({ name }) => name).sort(), ["f1", "f2", "f3", "log"]);
    t.ok(mapping.every(({ domainId }) => domainId === "domain-0"));
  }
  for (let i = 0; i < 3; i++) {
    await eventually(`log ${i}`, () => system.lines(`log-${i}.txt`).length >= 3);
    t.same(system.lines(`log-${i}.txt`).sort(), ["4", "7", "8"]);
  }
  const nodes = new Set<string>();
  for (const { workflowId } of workflows) {
    for (const { instance } of (await system.api.inspect(workflowId)).instance.statuses)
      nodes.add(instance?.nodeId ?? "");
    await system.api.stop(workflowId);
  }
  t.equal(nodes.size, 3, "round robin uses every node");
  await eventually("an empty list", async () => (await system.api.list()).length === 0);
});

t.test("given three domains, when one is lost, then its workflows move to the others", async (t) => {
  const system = await System.start({ domains: 3, nodesPerDomain: 1 });
  t.teardown(() => system.close());
  const ids: Uuid[] = [];
  const counts = new Map<string, number>();
  for (let i = 0; i < 100; i++) {
    const { workflowId, mapping } = await system.start(workflowOf([functionOf("f1", "noop")]));
    ids.push(workflowId);
    const domain = mapping[0]?.domainId ?? "";
    counts.set(domain, (counts.get(domain) ?? 0) + 1);
    t.equal((await system.api.inspect(workflowId)).instance.mapping[0]?.domainId, domain);
  }
  t.equal(counts.size, 3, "every domain got some");
  await system.kill("orc1");
  await eventually("no workflow in the lost domain", async () => {
    for (const id of ids) {
      const { mapping } = (await system.api.inspect(id)).instance;
      if (mapping.length !== 1 || mapping[0]?.domainId === "domain-1") return false;
    }
    return true;
  });
  for (const id of ids) await system.api.stop(id);
  await eventually("an empty list", async () => (await system.api.list()).length === 0);
});

t.test(
  "given a workflow in one domain, when it migrates to another, then it runs there and only there",
  async (t) => {
    const system = await System.start({ domains: 2, nodesPerDomain: 1 });
    t.teardown(() => system.close());
    const { workflowId, mapping } = await system.start(
      workflowOf(
        [functionOf("f1", "counter", { output: "log" }, { "init-payload": "1" })],
        [resourceOf("log", "file-log", { filename: "moving.txt" })],
      ),
    );
    const from = mapping[0]?.domainId;
    const to = from === "domain-0" ? "domain-1" : "domain-0";
    await system.running(workflowId);
    const result = await system.api.migrate({ workflowId, domainId: to, component: "" });
    t.ok(result.ok, "accepted");
    t.ok((await system.api.inspect(workflowId)).instance.mapping.every(({ domainId }) => domainId === to));
    await system.running(workflowId);
    const before = system.lines("moving.txt").length;
    await eventually("events after the move", () => system.lines("moving.txt").length > before + 1);
    t.match(await system.api.migrate({ workflowId, domainId: "nowhere", component: "" }), { ok: false });
    await system.api.stop(workflowId);
  },
);
