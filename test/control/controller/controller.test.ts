import t from "tap";
import { parseUuid, type Uuid } from "../../../core/uuid.js";
import { settle } from "../../kit/fake-clock.js";
import { accepted, Cluster, fn, refused, res, workflow } from "./cluster.js";
import type { Call, SimulatedOrchestrator } from "./simulated-orchestrator.js";

const names = (calls: readonly Call[]) => calls.map(({ call }) => call);
const idOf = (orchestrator: SimulatedOrchestrator, name: string): Uuid => {
  for (const [id, component] of orchestrator.running) if (component.name === name) return id;
  throw new Error(`${name} does not run in ${orchestrator.domainId}`);
};
const only = (cluster: Cluster): SimulatedOrchestrator => {
  const [orchestrator] = cluster.orchestrators.values();
  if (orchestrator === undefined) throw new Error("no domain");
  return orchestrator;
};
const domainsOf = (mapping: readonly { readonly domainId: string }[]) => [
  ...new Set(mapping.map(({ domainId }) => domainId)),
];

t.test(
  "given one function, when its workflow starts and stops, then the ε-ORC gets one of each",
  async (t) => {
    const cluster = await Cluster.of("domain-1");
    const orc = only(cluster);
    const { workflowId, mapping } = accepted(await cluster.controller.start(workflow([fn("f1")])));
    t.equal(mapping.length, 1);
    t.match(mapping[0], { name: "f1", domainId: "domain-1", logicalId: idOf(orc, "f1") });
    t.match(orc.calls, [
      {
        call: "startFunction",
        request: { code: fn("f1").functionClass, state: { policy: "node-local" }, workflowId },
      },
    ]);
    t.equal(orc.calls.length, 1, "no empty patch");
    t.same(await cluster.controller.list(), [workflowId]);
    await cluster.controller.stop(workflowId);
    t.same(orc.calls.slice(1), [{ call: "stopFunction", id: mapping[0]?.logicalId }]);
    t.same(await cluster.controller.list(), []);
    await cluster.controller.stop(workflowId);
    t.equal(orc.calls.length, 2, "a second stop does nothing");
  },
);

t.test(
  "given an annotation that means nothing to the reference or to us, then it travels to the ε-ORC as it is",
  async (t) => {
    const cluster = await Cluster.of("domain-1");
    accepted(await cluster.controller.start(workflow([fn("f1", [], { "site-priority": "high" })])));
    t.match(only(cluster).calls, [{ request: { annotations: new Map([["site-priority", "high"]]) } }]);
  },
);

t.test(
  "given a resource that sends to a function, then start function, start resource, one patch",
  async (t) => {
    const cluster = await Cluster.of("domain-1");
    const orc = only(cluster);
    const instance = accepted(await cluster.controller.start(workflow([fn("f1")], [res("r1", ["f1"])])));
    t.same(names(orc.calls), ["startFunction", "startResource", "patchResource"]);
    const [f1, r1] = [idOf(orc, "f1"), idOf(orc, "r1")];
    t.match(orc.calls[2], { patch: { source: r1, outputs: new Map([["to-f1", f1]]) } });
    await cluster.controller.stop(instance.workflowId);
    const stops = orc.calls.slice(3) as { call: string; id: Uuid }[];
    t.same(
      stops.sort((a, b) => a.call.localeCompare(b.call)),
      [
        { call: "stopFunction", id: f1 },
        { call: "stopResource", id: r1 },
      ],
    );
  },
);

t.test("given a loop of two functions, then two starts and two patches to each other", async (t) => {
  const cluster = await Cluster.of("domain-1");
  const orc = only(cluster);
  accepted(await cluster.controller.start(workflow([fn("f1", ["f2"]), fn("f2", ["f1"])])));
  t.same(names(orc.calls), ["startFunction", "startFunction", "patchFunction", "patchFunction"]);
  const [f1, f2] = [idOf(orc, "f1"), idOf(orc, "f2")];
  t.same(orc.running.get(f1)?.outputs, new Map([["to-f2", f2]]));
  t.same(orc.running.get(f2)?.outputs, new Map([["to-f1", f1]]));
});

t.test(
  "given a bad workflow, when it is submitted, then the summary names the component and the fault",
  async (t) => {
    const cluster = await Cluster.of("domain-1");
    const cases: [string, ReturnType<typeof workflow>, RegExp][] = [
      ["unknown target", workflow([fn("f1", ["gone"])]), /f1: output to-gone is mapped to gone/],
      ["duplicate name", workflow([fn("same")], [res("same")]), /same: the name is used 2 times/],
      ["empty name", workflow([fn("")]), /empty name/],
      [
        "unknown annotation",
        workflow([fn("f1", [], { label_match_any: "x" })]),
        /f1: unknown annotation label_match_any/,
      ],
      ["bad requirement", workflow([fn("f1", [], { max_instances: "two" })]), /f1: max_instances: "two"/],
      [
        "bad node id",
        workflow([], [res("r1", [], { node_id_match_any: "x" })]),
        /r1: node_id_match_any: "x"/,
      ],
      ["empty class", workflow([], [{ ...res("r1"), classType: "" }]), /r1: the class_type is empty/],
      [
        "reserved channel",
        workflow([{ ...fn("f1"), outputMapping: new Map([["self", "f1"]]) }]),
        /f1: .*self/,
      ],
      ["whole-workflow requirement", workflow([], [], { tee: "required" }), /tee has no effect/],
    ];
    for (const [title, request, expected] of cases)
      t.match(refused(await cluster.controller.start(request)), expected, title);
    const both = await cluster.controller.start(workflow([fn("f1", ["x"]), fn("f2", ["y"])]));
    if (both.ok) throw new Error("accepted");
    t.match(both.error.summary, /Invalid workflow creation request: f1: .* \(and 1 more\)/);
    t.match(both.error.detail, /f1: .*; f2: /);
    t.notMatch(JSON.stringify(both), /code of|99,111/, "no code in a refusal");
    t.same(only(cluster).calls, [], "no ε-ORC was asked");
  },
);

t.test(
  "given no domain that can host it, then the refusal names each domain, the component and why",
  async (t) => {
    const cluster = await Cluster.of();
    t.match(refused(await cluster.controller.start(workflow([fn("f1")]))), /no domain is registered/);
    await cluster.join("aggregate");
    const detailed = await cluster.join("detailed");
    detailed.nodes = [];
    await detailed.refresh(cluster.controller);
    const summary = refused(
      await cluster.controller.start(workflow([fn("f1", [], { label_match_all: "site=lab" })])),
    );
    t.equal(
      summary,
      "Workflow creation failed: aggregate: component f1: no node has the label site=lab; " +
        "detailed: component f1: the domain has no node",
    );
    t.same(await cluster.controller.list(), []);
  },
);

t.test(
  "given a domain refuses, when another suits, then the workflow runs there and nothing is left",
  async (t) => {
    for (let seed = 1; seed < 6; seed++) {
      const cluster = new Cluster(seed);
      await cluster.controller.open();
      const [a, b] = [await cluster.join("a"), await cluster.join("b")];
      a.refuse = (name) => (name === "f2" ? "full" : undefined);
      const instance = accepted(await cluster.controller.start(workflow([fn("f1"), fn("f2")])));
      t.same(domainsOf(instance.mapping), ["b"]);
      t.equal(a.running.size, 0);
      t.equal(b.running.size, 2);
    }
  },
);

t.test("given the n-th step fails, when a workflow starts, then all of it is rolled back", async (t) => {
  const request = workflow([fn("f1", ["f2"]), fn("f2", ["r1"])], [res("r1"), res("r2", ["f1"])]);
  for (const failing of ["f1", "f2", "r1", "r2", "patch"]) {
    const cluster = await Cluster.of("domain-1");
    const orc = only(cluster);
    orc.refuse = (name) => (name === failing ? "not today" : undefined);
    const summary = refused(await cluster.controller.start(request));
    t.match(summary, failing === "patch" ? /no patches today/ : `component ${failing}: not today`);
    t.equal(orc.running.size, 0, `nothing runs after ${failing} failed`);
    t.same(await cluster.controller.list(), []);
    await cluster.pass(3);
    const kept: string[] = [];
    for await (const [key] of cluster.store.entries("")) kept.push(key);
    t.same(kept, ["domain/domain-1"], "nothing is left in the store");
  }
});

t.test("given many workflows, when they start, then every suitable domain gets some", async (t) => {
  const cluster = await Cluster.of("a", "b", "c");
  const starts = Array.from({ length: 60 }, () => cluster.controller.start(workflow([fn("f1")])));
  const instances = (await Promise.all(starts)).map(accepted);
  t.equal(domainsOf(instances.flatMap(({ mapping }) => mapping)).length, 3);
  for (const { workflowId, mapping } of instances)
    t.same((await cluster.controller.inspect(workflowId)).instance.mapping, mapping);
});

t.test("given a hung ε-ORC, then other domains, workflows and clients are served at once", async (t) => {
  const cluster = await Cluster.of("hung");
  const hung = only(cluster);
  hung.mood = "hung";
  const stuck = Array.from({ length: 20 }, () => cluster.controller.start(workflow([fn("f1")])));
  await settle();
  const well = await cluster.join("well");
  well.capabilities = { ...well.capabilities, runtimes: ["RUST_WASM", "OTHER"] };
  await well.refresh(cluster.controller);
  const other = { ...fn("f2"), functionClass: { ...fn("f2").functionClass, functionType: "OTHER" } };
  const instance = accepted(await cluster.controller.start(workflow([other])));
  t.same(domainsOf(instance.mapping), ["well"]);
  await cluster.controller.stop(instance.workflowId);
  t.equal(well.running.size, 0);
  await cluster.clock.advance(8_000);
  const ended = (await Promise.all(stuck)).map(accepted);
  t.same(domainsOf(ended.flatMap(({ mapping }) => mapping)), ["well"], "those stuck went elsewhere");
});

t.test("given a hung ε-ORC, when a workflow stops, then it is stopped once the ε-ORC is well", async (t) => {
  const cluster = await Cluster.of("domain-1");
  const orc = only(cluster);
  const { workflowId } = accepted(await cluster.controller.start(workflow([fn("f1")])));
  orc.mood = "hung";
  const stopped = cluster.controller.stop(workflowId);
  await cluster.clock.advance(2_000);
  await stopped;
  t.same(await cluster.controller.list(), []);
  t.equal(orc.running.size, 1);
  await cluster.pass(5);
  orc.mood = "well";
  await cluster.pass(20);
  t.equal(orc.running.size, 0);
});

t.test("given inspection, then the request comes back without code, statuses by logical id", async (t) => {
  const cluster = await Cluster.of("domain-1");
  const orc = only(cluster);
  orc.reports = true;
  const { workflowId } = accepted(
    await cluster.controller.start(workflow([fn("f1", ["r1"], { "init-payload": "x" })], [res("r1")])),
  );
  await cluster.pass(1);
  const component = orc.running.get(idOf(orc, "f1"));
  if (component !== undefined) component.state = "crashed";
  await cluster.pass(1);
  const info = await cluster.controller.inspect(workflowId);
  t.equal(info.workflow.functions[0]?.functionClass.binary, undefined);
  t.same(info.workflow.functions[0]?.annotations, new Map([["init-payload", "x"]]));
  t.same(
    info.instance.statuses.map(({ logicalId, state }) => [logicalId, state]),
    [
      [idOf(orc, "f1"), "crashed"],
      [idOf(orc, "r1"), "running"],
    ],
  );
  await t.rejects(cluster.controller.inspect(parseUuid("00000000-0000-0000-0000-000000000001") as Uuid), {
    code: "EDGELESS_UNKNOWN_WORKFLOW",
  });
});

t.test("given domains come and go, then they are listed while their lease lasts", async (t) => {
  const cluster = await Cluster.of("a", "b");
  const [a] = cluster.orchestrators.values();
  t.same([...(await cluster.controller.domains("")).keys()], ["a", "b"]);
  t.same([...(await cluster.controller.domains("b")).keys()], ["b"]);
  t.equal((await cluster.controller.domains("c")).size, 0);
  await cluster.pass(12, ...(a === undefined ? [] : [a]));
  t.same([...(await cluster.controller.domains("")).keys()], ["b"]);
  t.equal(await a?.refresh(cluster.controller), false, "the same process need not reset");
  await a?.refresh(cluster.controller, -5_000);
  t.same([...(await cluster.controller.domains("")).keys()], ["b"], "it left with a past deadline");
});

t.test("given a bad registration, then it is refused with the reason", async (t) => {
  const cluster = await Cluster.of();
  const orc = cluster.add("d");
  const submit = (change: object) => cluster.controller.updateDomain({ ...orc.update(), ...change });
  t.equal(refused(await submit({ domainId: "" })), "Empty domain identifier");
  t.match(refused(await submit({ orchestratorUrl: "http://host" })), /orchestrator_url is not a usable URL/);
  t.match(refused(await submit({ orchestratorUrl: "coap://10.0.0.1:5683" })), /http/);
  t.match(refused(await submit({ refreshDeadline: 0n })), /in the past/);
  t.equal((await cluster.controller.domains("")).size, 0);
  t.ok((await submit({ refreshDeadline: 0xffffffffffffffffn })).ok);
  t.equal((await cluster.controller.domains("")).size, 1);
});

t.test("given capabilities change without a new counter, then they count", async (t) => {
  const cluster = await Cluster.of("d");
  const orc = only(cluster);
  const request = workflow([fn("f1", [], { tpm: "required" })]);
  t.match(refused(await cluster.controller.start(request)), /no node has a TPM/);
  orc.capabilities = { ...orc.capabilities, numTpm: 1 };
  await orc.refresh(cluster.controller);
  accepted(await cluster.controller.start(request));
});

t.test("given a domain that just joined, when a workflow starts, then it waits for the reset", async (t) => {
  const cluster = await Cluster.of();
  const orc = cluster.add("d");
  t.equal(await orc.refresh(cluster.controller), true);
  const started = cluster.controller.start(workflow([fn("f1")]));
  await cluster.clock.advance(100);
  t.equal(orc.running.size, 0);
  await cluster.clock.advance(300);
  accepted(await started);
  t.equal(orc.running.size, 1);
});
