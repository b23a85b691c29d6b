import { parse } from "smol-toml";
import t from "tap";
import { parseControllerConfig } from "../../../control/controller/config.js";
import { controllerTemplate } from "../../../control/controller/config-template.js";
import { patchesOf, planDeployment } from "../../../control/controller/deployment-plan.js";
import { type Domain, expectedDomain } from "../../../control/controller/domain.js";
import { whyUnsuitable } from "../../../control/controller/domain-choice.js";
import type { Placement } from "../../../control/controller/placement.js";
import { checkReport, NOTHING_SEEN } from "../../../control/controller/report-check.js";
import { NO_DOMAIN_CAPABILITIES, type PlacementNode } from "../../../core/capabilities.js";
import { requireUuid } from "../../../core/uuid.js";
import { fn, res, workflow } from "./cluster.js";
import { nextId } from "./simulated-orchestrator.js";

const NODE_ID = "20000000-0000-4000-8000-000000000001";

const node = (change: Partial<PlacementNode> = {}): PlacementNode => ({
  nodeId: requireUuid(NODE_ID, "node"),
  labels: [],
  runtimes: ["RUST_WASM"],
  isTeeRunning: false,
  hasTpm: false,
  acceptsFunctions: true,
  acceptsResources: true,
  providers: [{ providerId: "p1", classType: "test-res" }],
  ...change,
});

const domain = (change: Partial<Domain> = {}): Domain => ({
  ...expectedDomain({ domainId: "d", orchestratorUrl: "http://h:1", nonce: 1n, leaseMs: 1 }, 0),
  presence: "present",
  ...change,
});

const aggregate = (change: object = {}) =>
  domain({
    capabilities: {
      ...NO_DOMAIN_CAPABILITIES,
      numNodes: 2,
      runtimes: ["RUST_WASM"],
      resourceClasses: ["test-res"],
      resourceProviders: ["p1"],
      ...change,
    },
  });

const text = (faults: readonly { component: string; reason: string }[]) =>
  faults.map(({ component, reason }) => `${component}: ${reason}`).join("; ");

t.test("given a domain that reports its nodes, then each component must fit one of them", async (t) => {
  const check = (annotations: { [key: string]: string }, ...nodes: PlacementNode[]) =>
    text(whyUnsuitable(workflow([fn("f1", [], annotations)]), domain({ nodes })));
  t.equal(check({}, node()), "");
  t.equal(check({}), "f1: the domain has no node");
  t.equal(check({ label_match_all: "a,b" }, node({ labels: ["a"] })), "f1: its only node lacks the label b");
  t.equal(
    check({ label_match_all: "a,b" }, node({ labels: ["a"] }), node({ labels: ["b"] })),
    "f1: none of its 2 nodes fits: one lacks the label b; another lacks the label a",
    "the union of labels is not enough",
  );
  t.equal(check({ label_match_all: "a,b" }, node(), node({ labels: ["b", "a"] })), "");
  t.equal(check({ tee: "required" }, node()), "f1: its only node has no trusted execution environment");
  t.equal(check({ tpm: "Required" }, node({ hasTpm: true })), "");
  t.equal(check({ node_id_match_any: NODE_ID }, node()), "");
  t.match(check({ node_id_match_any: NODE_ID.replace("2", "3") }, node()), /node_id_match_any/);
  t.equal(check({ resource_match_all: "p1" }, node()), "");
  t.match(check({ resource_match_all: "p1,p2" }, node()), /lacks the resource provider p2/);
  t.match(check({}, node({ acceptsFunctions: false })), /accepts no functions/);
  t.match(check({}, node({ runtimes: ["CONTAINER"] })), /has no run-time RUST_WASM/);
});

t.test("given a domain that reports its nodes, then resources need an offer that fits", async (t) => {
  const check = (configurations: { [key: string]: string }, ...nodes: PlacementNode[]) =>
    text(whyUnsuitable(workflow([], [res("r1", [], configurations)]), domain({ nodes })));
  t.equal(check({}, node()), "");
  t.match(check({}, node({ providers: [] })), /r1: its only node offers no resource class test-res/);
  t.match(check({ tpm: "required" }, node()), /has no TPM/);
  t.match(check({}, node({ acceptsResources: false })), /accepts no resources/);
});

t.test("given a domain that reports an aggregate, then what that excludes is excluded", async (t) => {
  const check = (annotations: { [key: string]: string }, change: object = {}) =>
    text(whyUnsuitable(workflow([fn("f1", [], annotations)], [res("r1")]), aggregate(change)));
  t.equal(check({}), "");
  t.equal(check({}, { runtimes: [] }), "f1: no node has the run-time RUST_WASM");
  t.equal(check({}, { resourceClasses: [] }), "r1: no node offers the resource class test-res");
  t.equal(check({ label_match_all: "a,b" }, { labels: ["a"] }), "f1: no node has the label b");
  t.equal(check({ label_match_all: "a,b" }, { labels: ["b", "a"] }), "");
  t.equal(check({ resource_match_all: "p2" }), "f1: no node hosts the resource provider p2");
  t.equal(check({ tee: "required" }), "f1: no node has a trusted execution environment");
  t.equal(check({ tee: "required", tpm: "required" }, { numTee: 1, numTpm: 1 }), "");
  t.equal(check({ node_id_match_any: NODE_ID }), "", "only the ε-ORC knows");
});

t.test("given more functions of a class than max_instances, then no domain can host them", async (t) => {
  const limited = { ...fn("f1", [], { max_instances: "1" }) };
  const twin = { ...fn("f2"), functionClass: limited.functionClass };
  t.equal(
    text(whyUnsuitable(workflow([limited, twin]), aggregate())),
    "f1: max_instances is 1, but the workflow has 2 of class f1",
  );
  t.equal(text(whyUnsuitable(workflow([limited]), aggregate())), "");
});

t.test(
  "given an assignment, then what runs there stays and the rest is started, moved or stopped",
  async (t) => {
    const request = workflow([fn("f1", ["f2"]), fn("f2", ["r1"])], [res("r1"), res("r2", ["f1"])]);
    const placed = (component: string, domainId: string): [string, Placement] => [
      component,
      { component, kind: "function", domainId, nonce: 1n, logicalId: nextId() },
    ];
    const current = new Map([placed("f1", "a"), placed("f2", "b"), placed("r1", "a")]);
    const toA = new Map(["f1", "f2", "r1", "r2"].map((name) => [name, "a"]));
    const dead = current.get("r1");
    const plan = planDeployment(request, toA, current, (placement) => placement !== dead);
    t.same([...plan.kept.keys()], ["f1"]);
    t.same(
      plan.starts.map(({ kind, item }) => [kind, item.name]),
      [
        ["function", "f2"],
        ["resource", "r1"],
        ["resource", "r2"],
      ],
    );
    t.same(
      plan.obsolete.map(({ component }) => component),
      ["f2", "r1"],
    );
    const after = new Map([...current, placed("f2", "a"), placed("r2", "a")]);
    t.same(
      patchesOf(request, after, current).map(({ patch }) => patch.source),
      ["f1", "f2", "r2"].map((name) => after.get(name)?.logicalId),
      "f1 because its target moved",
    );
    t.same(patchesOf(request, after, after), []);
  },
);

t.test("given reports that are a little old, then only a difference that lasts counts", async (t) => {
  const [a, b, stranger] = [nextId(), nextId(), nextId()];
  const belief = { expected: new Set([a]), accounted: new Set([b]), startsInFlight: [] };
  t.same(checkReport(new Set([a, b]), 0, belief, NOTHING_SEEN), {
    missing: [],
    leftovers: [],
    memory: NOTHING_SEEN,
  });
  const first = checkReport(new Set([stranger]), 5_000, belief, NOTHING_SEEN);
  t.same(first.missing.length + first.leftovers.length, 0, "the report may be from before a start or stop");
  const soon = checkReport(new Set([stranger]), 5_900, belief, first.memory);
  t.same(soon, first);
  const late = checkReport(new Set([stranger]), 6_000, belief, soon.memory);
  t.same([late.missing, late.leftovers], [[a], [stranger]]);
  t.same(
    checkReport(new Set([a]), 5_500, belief, first.memory).memory,
    NOTHING_SEEN,
    "a difference that ended",
  );
  const before = { ...belief, startsInFlight: [4_000] };
  const spared = checkReport(new Set([stranger]), 60_000, before, first.memory);
  t.same(spared.leftovers, [], "it may be what is being started");
  const after = { ...belief, startsInFlight: [5_001] };
  t.same(checkReport(new Set([stranger]), 61_000, after, spared.memory).leftovers, [stranger]);
});

t.test("given the template, then it is a valid configuration with the keys of the reference", async (t) => {
  t.same(parseControllerConfig(parse(controllerTemplate())), {
    controller_url: "http://127.0.0.1:7001",
    domain_register_url: "http://127.0.0.1:7002",
    persistence_filename: "controller.save",
    start_timeout_ms: 25_000,
    call_timeout_ms: 5_000,
    telemetry: { metrics_url: "http://127.0.0.1:7013" },
  });
  const odd = 'a "quoted" \\ name';
  t.equal(
    parseControllerConfig(parse(controllerTemplate({ persistenceFilename: odd }))).persistence_filename,
    odd,
  );
});

t.test("given a wrong configuration, then the error names the key", async (t) => {
  const good = {
    controller_url: "http://127.0.0.1:1",
    domain_register_url: "http://127.0.0.1:2",
    persistence_filename: "",
  };
  t.match(parseControllerConfig({ ...good, unknown: 1 }), good);
  for (const key of Object.keys(good)) {
    const { [key as keyof typeof good]: _removed, ...rest } = good;
    t.throws(() => parseControllerConfig(rest), { code: "EDGELESS_BAD_CONFIG", message: new RegExp(key) });
  }
  for (const [key, value] of [
    ["controller_url", "127.0.0.1:7001"],
    ["domain_register_url", "http://127.0.0.1"],
    ["start_timeout_ms", 0],
    ["telemetry", { metrics_url: "7013" }],
  ] as const)
    t.throws(() => parseControllerConfig({ ...good, [key]: value }), { message: new RegExp(`key ${key}`) });
  t.throws(() => parseControllerConfig(undefined), { message: /the whole file/ });
});
