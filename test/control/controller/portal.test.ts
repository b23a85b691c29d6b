import fc from "fast-check";
import t from "tap";
import { assignComponents } from "../../../control/controller/assignment.js";
import type { DomainCapabilities } from "../../../core/capabilities.js";
import type { Uuid } from "../../../core/uuid.js";
import type { WorkflowInstance } from "../../../core/workflow.js";
import { accepted, Cluster, fn, refused, res, workflow } from "./cluster.js";
import type { SimulatedOrchestrator } from "./simulated-orchestrator.js";

/** Domains a, b and c that a portal domain connects. */
async function connected(...classes: Partial<Record<string, Partial<DomainCapabilities>>>[]): Promise<{
  readonly cluster: Cluster;
  readonly portal: SimulatedOrchestrator;
  of(domainId: string): SimulatedOrchestrator;
}> {
  const cluster = await Cluster.of();
  const [own = {}] = classes;
  const names = ["a", "b", "c"];
  for (const name of names) {
    const domain = cluster.add(name);
    domain.reports = true;
    domain.capabilities = {
      ...domain.capabilities,
      resourceClasses: ["portal", "test-res"],
      ...own[name],
    };
  }
  const portal = cluster.add("portal-domain");
  portal.reports = true;
  portal.capabilities = {
    ...portal.capabilities,
    runtimes: [],
    resourceClasses: ["portal"],
    labels: names.map((name) => `portal-domain=${name}`),
  };
  await cluster.pass(2);
  const of = (domainId: string) => {
    const found = [...cluster.orchestrators.values()].find((item) => item.domainId === domainId);
    if (found === undefined) throw new Error(domainId);
    return found;
  };
  return { cluster, portal, of };
}

/** `name@domain` of all components, in order. */
function places({ mapping }: WorkflowInstance): string[] {
  return mapping.map(({ name, domainId }) => `${name}@${domainId}`);
}

/** Follows the wiring from a component until it leaves the domain or ends. */
function wiringOf(domain: SimulatedOrchestrator): string[] {
  return [...domain.running.values()].flatMap(({ name, outputs }) =>
    [...outputs].map(([channel, target]) => `${name}.${channel}>${domain.running.get(target)?.name}`),
  );
}

const CHAIN = workflow([fn("f1", ["f2"]), fn("f2", ["log"])], [res("log")]);

t.test(
  "given a portal, when components migrate one by one, then the mapping has 7, 3 and 11 entries",
  async (t) => {
    const { cluster, portal, of } = await connected();
    const { controller } = cluster;
    const { workflowId, mapping } = accepted(await controller.start(CHAIN));
    const d = mapping[0]?.domainId ?? "";
    const [d2 = "", d3 = ""] = ["a", "b", "c"].filter((name) => name !== d);
    t.ok(mapping.every(({ domainId }) => domainId === d) && mapping.length === 3);
    const move = async (component: string, domainId: string) => {
      const instance = accepted(await controller.migrate({ workflowId, domainId, component }));
      t.same(places((await controller.inspect(workflowId)).instance), places(instance), "as inspected");
      await cluster.pass(2);
      return places(instance);
    };
    t.same(await move("f1", d2), [
      ...[`f1@${d2}`, `f2@${d}`, `log@${d}`],
      ...[`portal-1-sink-local@${d2}`, "portal-1-sink-portal@portal-domain"],
      ...["portal-2-source-portal@portal-domain", `portal-2-source-local@${d}`],
    ]);
    t.same(wiringOf(of(d2)), ["f1.to-f2>portal"], "the channel leads into the portal");
    t.same(wiringOf(of(d)), ["f2.to-log>log", "portal.out>f2"], "and out of it");
    t.same(wiringOf(portal), ["portal.out>portal"]);
    t.same(
      [...of(d2).calls, ...portal.calls, ...of(d).calls]
        .flatMap((call) => (call.call === "startResource" ? [call.request] : []))
        .filter(({ classType }) => classType === "portal")
        .map(({ configuration }) => Object.fromEntries(configuration)),
      [
        { role: "sink", domain: "local", id: "1" },
        { role: "sink", domain: "portal", domain_name: d2, id: "1" },
        { role: "source", domain: "portal", domain_name: d, id: "2" },
        { role: "source", domain: "local", id: "2" },
      ],
    );
    t.same(await move("f1", d), [`f1@${d}`, `f2@${d}`, `log@${d}`]);
    t.equal((await move("f1", d2)).length, 7);
    t.equal((await move("f2", d2)).length, 7);
    t.same(await move("log", d2), [`f1@${d2}`, `f2@${d2}`, `log@${d2}`]);
    t.equal((await move("f1", d)).length, 7);
    const spread = await move("f2", d3);
    t.equal(spread.length, 11);
    t.same(spread.slice(0, 3), [`f1@${d}`, `f2@${d3}`, `log@${d2}`]);
    await controller.stop(workflowId);
    await cluster.pass(2);
    t.ok(
      [...cluster.orchestrators.values()].every(({ running }) => running.size === 0),
      "nothing is left",
    );
  },
);

t.test(
  "given no domain can host everything, when it starts, then it is spread with as few crossings as possible",
  async (t) => {
    const { cluster } = await connected({
      a: { runtimes: [], resourceClasses: ["portal", "test-res"] },
      b: { resourceClasses: ["portal"] },
      c: { resourceClasses: ["portal"] },
    });
    const instance = accepted(await cluster.controller.start(CHAIN));
    const places = new Map(instance.mapping.map(({ name, domainId }) => [name, domainId]));
    t.equal(places.get("log"), "a");
    t.equal(places.get("f1"), places.get("f2"));
    t.equal(instance.mapping.length, 7, "one crossing");
    const unknown = workflow([fn("f1", ["r"])], [{ ...res("r"), classType: "nowhere" }]);
    t.match(
      refused(await cluster.controller.start(unknown)),
      /component r: no domain connected to the portal/,
    );
  },
);

t.test(
  "given a spread workflow, when a part of it is lost, then it alone is started again and wired",
  async (t) => {
    const { cluster, portal, of } = await connected();
    const started = accepted(await cluster.controller.start(CHAIN));
    const { workflowId } = started;
    const d = started.mapping[0]?.domainId ?? "";
    const d2 = d === "a" ? "b" : "a";
    const before = accepted(await cluster.controller.migrate({ workflowId, domainId: d2, component: "f1" }));
    await cluster.pass(2);
    const check = async (what: string, same: readonly string[]) => {
      await cluster.pass(4);
      const { instance } = await cluster.controller.inspect(workflowId);
      t.same(places(instance), places(before), `${what}: in the same places`);
      for (const { name, logicalId } of before.mapping.filter((entry) => same.includes(entry.name)))
        t.equal(
          instance.mapping.find((entry) => entry.name === name)?.logicalId,
          logicalId,
          `${what}: ${name}`,
        );
      t.same(wiringOf(portal), ["portal.out>portal"], what);
      t.same(wiringOf(of(d2)), ["f1.to-f2>portal"], what);
      t.same(wiringOf(of(d)).sort(), ["f2.to-log>log", "portal.out>f2"], what);
    };
    portal.restart();
    await check("the portal restarted", ["f1", "f2", "log", "portal-1-sink-local"]);
    of(d2).restart();
    await check("a domain restarted", ["f2", "log"]);
    await cluster.restartController();
    await check("the controller restarted", ["f2", "log"]);
    await cluster.controller.stop(workflowId);
    await cluster.pass(3);
    t.ok([...cluster.orchestrators.values()].every(({ running }) => running.size === 0));
  },
);

t.test("given the portal is lost for good, then a spread workflow is gathered in one domain", async (t) => {
  const { cluster, portal } = await connected();
  const { controller } = cluster;
  const { workflowId, mapping } = accepted(await controller.start(CHAIN));
  const d2 = mapping[0]?.domainId === "a" ? "b" : "a";
  accepted(await controller.migrate({ workflowId, domainId: d2, component: "f1" }));
  await cluster.pass(15, portal);
  const { instance } = await controller.inspect(workflowId);
  t.equal(instance.mapping.length, 3);
  t.equal(new Set(instance.mapping.map(({ domainId }) => domainId)).size, 1);
});

t.test(
  "given migrations that cannot be, then each is refused with the reason and nothing changes",
  async (t) => {
    const { cluster, of } = await connected({ c: { resourceClasses: ["test-res"] } });
    const { controller } = cluster;
    const { workflowId, mapping } = accepted(await controller.start(CHAIN));
    const before = places((await controller.inspect(workflowId)).instance);
    const other = mapping[0]?.domainId === "a" ? "b" : "a";
    const migrate = async (component: string, domainId: string) =>
      refused(await controller.migrate({ workflowId, domainId, component }));
    if (mapping[0]?.domainId !== "c") t.match(await migrate("f1", "c"), /c is not connected to the portal/);
    t.match(await migrate("f1", "nowhere"), /there is no domain nowhere/);
    t.match(await migrate("nobody", other), /Invalid component name/);
    t.match(await controller.migrate({ workflowId, domainId: other, component: "nobody" }), {
      error: { summary: "Invalid component name specified in migration request", detail: "nobody" },
    });
    const unknown = "00000000-0000-4000-8000-0000000000ff" as Uuid;
    t.match(await controller.migrate({ workflowId: unknown, domainId: other, component: "" }), {
      error: { summary: "Unknown workflow id", detail: unknown },
    });
    of(other).refuse = () => "full";
    t.match(await migrate("f1", other), mapping[0]?.domainId === "c" ? /connected/ : /full/);
    t.same(places((await controller.inspect(workflowId)).instance), before);
  },
);

t.test(
  "given random workflows of up to six components, then no assignment has fewer crossings than the one found",
  async (t) => {
    const names = ["f0", "f1", "f2", "f3", "f4", "f5"];
    const arbitrary = fc.record({
      edges: fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { maxLength: 12 }),
      choices: fc.array(fc.subarray(["a", "b", "c"], { minLength: 1 }), { minLength: 6, maxLength: 6 }),
    });
    fc.assert(
      fc.property(arbitrary, ({ edges, choices }) => {
        const flow = workflow(
          names.map((name, i) =>
            fn(name, [...new Set(edges.filter(([a]) => a === i).map(([, b]) => `f${b}`))]),
          ),
        );
        const options = new Map(names.map((name, i) => [name, choices[i] ?? []]));
        const found = assignComponents(flow, options);
        if (found === undefined) return false;
        const cut = (of: ReadonlyMap<string, string>) =>
          flow.functions.reduce(
            (sum, { name, outputMapping }) =>
              sum + [...outputMapping.values()].filter((target) => of.get(target) !== of.get(name)).length,
            0,
          );
        let least = Number.POSITIVE_INFINITY;
        const visit = (i: number, so: Map<string, string>): void => {
          const name = names[i];
          if (name === undefined) least = Math.min(least, cut(so));
          else for (const domain of options.get(name) ?? []) visit(i + 1, new Map(so).set(name, domain));
        };
        visit(0, new Map());
        return (
          names.every((name) => options.get(name)?.includes(found.get(name) ?? "")) && cut(found) === least
        );
      }),
      { numRuns: 60 },
    );
    t.equal(assignComponents(workflow([fn("f")]), new Map([["f", []]])), undefined);
    const large = workflow(Array.from({ length: 60 }, (_, i) => fn(`f${i}`, i < 59 ? [`f${i + 1}`] : [])));
    const everywhere = new Map(
      large.functions.map(({ name }, i) => [name, i === 0 ? ["b"] : ["a", "b", "c"]]),
    );
    t.same([...new Set(assignComponents(large, everywhere)?.values())], ["b"], "also for large ones");
  },
);
