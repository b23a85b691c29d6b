import t from "tap";
import type { Uuid } from "../../core/uuid.js";
import { eventually } from "../kit/eventually.js";
import { functionOf, PORTAL_DOMAIN, resourceOf, System, workflowOf } from "../kit/system.js";

t.setTimeout(300_000);

/** f1 sends a number each second that f2 doubles into a log. */
const chainTo = (filename: string) =>
  workflowOf(
    [
      functionOf("f1", "counter", { output: "f2" }, { "init-payload": "0" }),
      functionOf("f2", "double", { result: "log" }),
    ],
    [resourceOf("log", "file-log", { filename })],
  );

t.test("given three domains and a portal", async (t) => {
  const system = await System.start({ domains: 3, nodesPerDomain: 2, portal: true });
  t.teardown(() => system.close());

  t.test("when components migrate, then the mapping and the events follow (SYS-7)", async (t) => {
    const domains = await eventually("the portal", async () => {
      const seen = await system.api.domains("");
      return seen.get(PORTAL_DOMAIN)?.labels.length === 3 ? seen : undefined;
    });
    const regular = [...domains].filter(([name]) => name !== PORTAL_DOMAIN);
    t.equal(
      regular.reduce((sum, [, { numNodes }]) => sum + numNodes, 0),
      9,
    );
    t.equal(domains.get(PORTAL_DOMAIN)?.numNodes, 3);
    t.same(
      domains.get(PORTAL_DOMAIN)?.labels,
      [0, 1, 2].map((i) => `portal-domain=domain-${i}`),
    );
    const { workflowId, mapping } = await system.start(chainTo("moving.txt"));
    const d = mapping[0]?.domainId ?? "";
    const [d2 = "", d3 = ""] = ["domain-0", "domain-1", "domain-2"].filter((name) => name !== d);
    t.ok(mapping.length === 3 && mapping.every(({ domainId }) => domainId === d));
    const flows = async (what: string) => {
      await system.running(workflowId);
      const before = system.lines("moving.txt").length;
      await eventually(`events ${what}`, () => system.lines("moving.txt").length > before + 1);
    };
    await flows("before any migration");
    const move = async (component: string, domainId: string, entries: number, ...places: string[]) => {
      const what = `${component} to ${domainId}`;
      const result = await system.api.migrate({ workflowId, domainId, component });
      if (!result.ok) throw new Error(`${result.error.summary} ${result.error.detail ?? ""}`);
      t.equal(result.value.mapping.length, entries, what);
      const { instance } = await system.api.inspect(workflowId);
      t.same(instance.mapping, result.value.mapping, "inspect agrees");
      t.same(
        instance.mapping.slice(0, 3).map((entry) => entry.domainId),
        places,
      );
      if (places.includes(d) && entries > 3) await flows(`after ${what}`);
    };
    await move("f1", d2, 7, d2, d, d);
    await move("f1", d, 3, d, d, d);
    await move("f1", d2, 7, d2, d, d);
    await move("f2", d2, 7, d2, d2, d);
    await move("log", d2, 3, d2, d2, d2);
    await move("f1", d, 7, d, d2, d2);
    await move("f2", d3, 11, d, d3, d2);
    await system.api.stop(workflowId);
    await eventually("an empty list", async () => (await system.api.list()).length === 0);
  });

  t.test("when either end, a balancer or the portal is lost, then calls and casts flow again", async (t) => {
    const { workflowId, mapping } = await system.start(chainTo("losses.txt"));
    const calls = await system.start(
      workflowOf([functionOf("ping", "ping", { ponger: "pong" }), functionOf("pong", "pong")]),
    );
    const other = (domain: string | undefined) => (domain === "domain-0" ? "domain-1" : "domain-0");
    const to = other(mapping[0]?.domainId);
    t.match(await system.api.migrate({ workflowId, domainId: to, component: "f1" }), { ok: true });
    const pong = { workflowId: calls.workflowId, component: "pong" };
    t.match(await system.api.migrate({ ...pong, domainId: other(calls.mapping[0]?.domainId) }), { ok: true });
    const nodes = [0, 1, 2].flatMap((domain) => [`node${domain}-0`, `node${domain}-1`]);
    const answers = () =>
      nodes.reduce((sum, node) => sum + system.log(node).split("reply: PONG").length - 1, 0);
    const flows = async (what: string) => {
      await system.running(workflowId);
      await system.running(calls.workflowId);
      const [before, answered] = [system.lines("losses.txt").length, answers()];
      await eventually(
        `events and answers ${what}`,
        () => system.lines("losses.txt").length > before + 1 && answers() > answered + 1,
      );
      t.pass(`events flow ${what}`);
    };
    await flows("before anything is lost");
    const home = /\d/.exec(mapping[0]?.domainId ?? "")?.[0] ?? "";
    const nodeOf = async (name: string): Promise<string> => {
      const { instance } = await system.api.inspect(workflowId);
      const id: Uuid | undefined = instance.mapping.find((entry) => entry.name === name)?.logicalId;
      const nodeId = instance.statuses.find(({ logicalId }) => logicalId === id)?.instance?.nodeId;
      const index = system.nodeIds.indexOf(nodeId ?? workflowId);
      return `node${Math.floor(index / 2)}-${index % 2}`;
    };
    const victims = [await nodeOf("f2"), "bal0", "orc-portal", `orc${home}`];
    for (const victim of victims) {
      await system.kill(victim);
      await system.run(victim);
      await eventually(`the nodes after the loss of ${victim}`, () => system.ready().then(() => true));
      await flows(`after the loss of ${victim}`);
    }
    for (const id of [workflowId, calls.workflowId]) await system.api.stop(id);
    await eventually("an empty list", async () => (await system.api.list()).length === 0);
  });
});
