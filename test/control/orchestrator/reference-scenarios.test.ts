import t from "tap";
import { provider, resource, SimulatedDomain } from "./simulated-domain.js";
import type { Call, NodeOptions, SimulatedNode } from "./simulated-node.js";

/*
 * The scenarios of the EDGELESS reference's own orchestrator tests. Two differences are on purpose: a patch is sent
 * when the wiring of an instance changes, not once per refresh, and stopping a component that is itself wired to
 * stopped ones causes no patch.
 */

async function domainOf(count: number, providers = 0): Promise<SimulatedDomain> {
  const domain = await SimulatedDomain.open();
  for (let i = 0; i < count; i++) {
    const options: NodeOptions = {
      labels: [i === 0 ? "stable" : "unstable"],
      providers: Array.from({ length: providers }, (_, j) => provider(`node-${i}-resource-${j}-provider`)),
    };
    await domain.addNode(options);
  }
  domain.takeCalls();
  return domain;
}

function stable(domain: SimulatedDomain): SimulatedNode {
  const node = domain.nodes[0];
  if (node === undefined) throw new Error("no node");
  return node;
}

const ofType = (calls: readonly Call[], type: Call["type"]) => calls.filter((call) => call.type === type);
const types = (calls: readonly Call[]) => calls.map(({ type }) => type).sort();
const patches = (calls: readonly Call[]) =>
  calls.flatMap((call) =>
    call.type === "patch-function" || call.type === "patch-resource"
      ? [{ node: call.node, source: call.source, outputs: call.outputs }]
      : [],
  );
const instanceOf = (domain: SimulatedDomain, id: Parameters<SimulatedDomain["status"]>[0]) =>
  domain.status(id)?.instance ?? { nodeId: "", functionId: "" };

t.test(
  "given one node, when a function starts and stops, then the node gets exactly that (ORC-1)",
  async (t) => {
    const domain = await domainOf(1);
    const request = domain.functionRequest("f");
    const started = await domain.orchestrator.startFunction(request);
    t.ok(started.ok);
    const [start, ...none] = domain.takeCalls();
    t.same(none, []);
    t.match(start, { type: "start-function", request });
    if (!started.ok || start?.type !== "start-function") return;

    await domain.stop(started.value);
    t.strictSame(domain.takeCalls(), [
      {
        node: stable(domain).id,
        type: "stop-function",
        instance: { nodeId: stable(domain).id, functionId: start.id },
      },
    ]);
    await domain.stop(started.value);
    t.same(domain.takeCalls(), [], "a second stop is fine and does nothing");
  },
);

t.test(
  "given 3 nodes, when 100 functions start, then all nodes are used and stops go where the starts went (ORC-2)",
  async (t) => {
    const domain = await domainOf(3);
    const ids = [];
    for (let i = 0; i < 100; i++) ids.push(await domain.startFunction(`f${i}`));
    const starts = domain.takeCalls();
    t.equal(new Set(starts.map(({ node }) => node)).size, 3);
    for (const id of ids) await domain.stop(id);
    const stops = domain.takeCalls();
    t.strictSame(
      stops.map((call) =>
        call.type === "stop-function" ? `${call.node}/${call.instance.functionId}` : call.type,
      ),
      starts.map((call) => (call.type === "start-function" ? `${call.node}/${call.id}` : call.type)),
    );
  },
);

t.test(
  "given 3 nodes with 3 providers each, when 100 resources start, then all nodes are used, an unknown class is refused (ORC-3)",
  async (t) => {
    const domain = await domainOf(3, 3);
    const ids = [];
    for (let i = 0; i < 100; i++) ids.push(await domain.startResource("rc-1", { number: String(i) }));
    const starts = domain.takeCalls();
    t.equal(new Set(starts.map(({ node }) => node)).size, 3);
    t.strictSame(
      starts.map((call) =>
        call.type === "start-resource" ? call.specification.configuration.get("number") : "",
      ),
      ids.map((_, i) => String(i)),
      "the configuration passes unchanged",
    );
    for (const id of ids) await domain.orchestrator.stopResource(id);
    t.strictSame(
      domain
        .takeCalls()
        .map((call) =>
          call.type === "stop-resource" ? `${call.instance.nodeId}/${call.instance.functionId}` : call.type,
        ),
      starts.map((call) => (call.type === "start-resource" ? `${call.node}/${call.id}` : call.type)),
    );
    const refused = await domain.orchestrator.startResource(resource("rc-2"));
    t.strictSame(refused, {
      ok: false,
      error: { summary: "class type not found", detail: "class_type: rc-2" },
    });
  },
);

t.test(
  "given a function and a resource, when they are patched, then the node gets physical ids (ORC-4)",
  async (t) => {
    const domain = await domainOf(1, 1);
    const f = await domain.startFunction("f");
    const r = await domain.startResource("rc-1");
    domain.takeCalls();
    await domain.patch(f, { "out-1": r });
    await domain.orchestrator.patchResource({ source: r, outputs: new Map([["out-2", f]]) });
    t.strictSame(domain.takeCalls(), [
      {
        node: stable(domain).id,
        type: "patch-function",
        source: instanceOf(domain, f).functionId,
        outputs: { "out-1": domain.placeOf(r) },
      },
      {
        node: stable(domain).id,
        type: "patch-resource",
        source: instanceOf(domain, r).functionId,
        outputs: { "out-2": domain.placeOf(f) },
      },
    ]);
  },
);

t.test(
  "given a chain over 10 nodes, when the node of one function is lost, then it alone is placed again and rewired (ORC-5)",
  async (t) => {
    const domain = await domainOf(10);
    const pinned = { node_id_match_any: stable(domain).id };
    const f1 = await domain.startFunction("f1", pinned);
    const f2 = await domain.startFunction("f2", { label_match_all: "unstable" });
    const f3 = await domain.startFunction("f3", pinned);
    const f4 = await domain.startFunction("f4", pinned);
    await domain.patch(f1, { "out-1": f2 });
    await domain.patch(f2, { "out-1": f3 });
    await domain.patch(f3, { "out-1": f4 });
    domain.takeCalls();
    const lost = domain.nodeOf(f2);
    const before = domain.placeOf(f2);

    await domain.leave(lost);
    const calls = domain.takeCalls();
    t.equal(calls.length, 12);
    const deletions = ofType(calls, "delete-peer");
    t.equal(deletions.length, 9);
    t.ok(deletions.every((call) => call.type === "delete-peer" && call.peer === lost.id));
    const [start] = ofType(calls, "start-function");
    t.match(start, { request: { code: { id: "f2" } } });
    t.not(start?.node, stable(domain).id);
    t.not(domain.placeOf(f2), before);
    t.strictSame(
      new Set(patches(calls).map((patch) => JSON.stringify(patch))),
      new Set([
        JSON.stringify({
          node: stable(domain).id,
          source: instanceOf(domain, f1).functionId,
          outputs: { "out-1": domain.placeOf(f2) },
        }),
        JSON.stringify({
          node: start?.node,
          source: instanceOf(domain, f2).functionId,
          outputs: { "out-1": domain.placeOf(f3) },
        }),
      ]),
    );
  },
);

t.test(
  "given a function that sends to a resource, when the resource's node is lost, then it is placed again and the function rewired (ORC-6)",
  async (t) => {
    const domain = await domainOf(10, 1);
    const f1 = await domain.startFunction("f1", { label_match_all: "stable" });
    const r = await domain.startResource("rc-1", { label_match_all: "unstable" });
    await domain.patch(f1, { "out-1": r });
    domain.takeCalls();
    await domain.leave(domain.nodeOf(r));
    const calls = domain.takeCalls();
    t.strictSame(types(calls), [
      ...Array.from({ length: 9 }, () => "delete-peer"),
      "patch-function",
      "start-resource",
    ]);
    t.strictSame(patches(calls)[0]?.outputs, { "out-1": domain.placeOf(r) });
  },
);

t.test(
  "given a net of functions, when one stops, then those that sent to it lose the channel (ORC-7)",
  async (t) => {
    const domain = await domainOf(1);
    const [f1, f2, f3, f4, f5, f6] = [
      await domain.startFunction("f1"),
      await domain.startFunction("f2"),
      await domain.startFunction("f3"),
      await domain.startFunction("f4"),
      await domain.startFunction("f5"),
      await domain.startFunction("f6"),
    ];
    await domain.patch(f1, { "out-1": f3 });
    await domain.patch(f2, { "out-1": f3 });
    await domain.patch(f3, { "out-1": f4, "out-2": f5 });
    await domain.patch(f4, { "out-1": f6 });
    await domain.patch(f5, { "out-1": f6 });
    domain.takeCalls();
    await domain.stop(f3);
    const calls = domain.takeCalls();
    t.strictSame(types(calls), ["patch-function", "patch-function", "stop-function"]);
    t.strictSame(
      new Set(patches(calls).map(({ source }) => source)),
      new Set([instanceOf(domain, f1).functionId, instanceOf(domain, f2).functionId]),
    );
    t.ok(patches(calls).every(({ outputs }) => Object.keys(outputs).length === 0));
  },
);

t.test(
  "given a function that fits one node only, when that node goes and returns, then it is pending, then runs again (ORC-8)",
  async (t) => {
    const domain = await domainOf(2);
    const [, unstable] = domain.nodes;
    if (unstable === undefined) return;
    const f1 = await domain.startFunction("f1", { label_match_all: "stable" });
    const f2 = await domain.startFunction("f2", { label_match_all: "unstable" });
    const f3 = await domain.startFunction("f3", { label_match_all: "stable" });
    await domain.patch(f1, { "out-1": f2 });
    await domain.patch(f2, { "out-1": f3 });
    domain.takeCalls();

    await domain.leave(unstable);
    const calls = domain.takeCalls();
    t.strictSame(types(calls), ["delete-peer", "patch-function"]);
    t.strictSame(patches(calls)[0], {
      node: stable(domain).id,
      source: instanceOf(domain, f1).functionId,
      outputs: {},
    });
    t.match(domain.status(f2), { state: "pending", reason: /lacks the label unstable/ });

    // The reference repeats the patch at each of these seconds; nothing changed, so nothing is sent.
    await domain.clock.advance(5_000);
    t.strictSame(domain.takeCalls(), []);

    unstable.restart();
    await domain.refresh(unstable);
    const back = domain.takeCalls();
    const atUnstable = back.filter(({ node }) => node === unstable.id);
    t.strictSame(
      atUnstable.map(({ type }) => type),
      ["reset", "add-peer", "add-peer", "start-function", "patch-function"],
    );
    t.strictSame(
      back.filter(({ node }) => node !== unstable.id).map(({ type }) => type),
      ["add-peer", "patch-function"],
    );
    t.strictSame(new Set(unstable.peers.keys()), new Set(domain.nodes.map(({ id }) => id)));
    t.equal(domain.status(f2)?.reason, "");
  },
);

t.test(
  "given functions that send to each other, when one is migrated, then one stop, one start and 3 patches follow (ORC-9)",
  async (t) => {
    const domain = await domainOf(2);
    const home = { node_id_match_any: stable(domain).id };
    const f0 = await domain.startFunction("f0", home);
    const f1 = await domain.startFunction("f1");
    const f2 = await domain.startFunction("f2", home);
    await domain.patch(f0, { "out-1": f1 });
    await domain.patch(f1, { "out-1": f0, "out-2": f2 });
    await domain.patch(f2, { "out-1": f1 });
    domain.takeCalls();
    const old = domain.nodeOf(f1);
    const [target] = domain.nodes.filter((node) => node !== old);
    if (target === undefined) return;
    const result = await domain.orchestrator.migrate(f1, [target.id]);
    await domain.clock.advance(0);
    t.strictSame(result, { ok: true, value: target.id });
    const calls = domain.takeCalls();
    t.strictSame(types(calls), [
      ...["patch-function", "patch-function", "patch-function"],
      ...["start-function", "stop-function"],
    ]);
    t.equal(ofType(calls, "start-function")[0]?.node, target.id);
    t.equal(calls.at(-1)?.type, "stop-function", "the old instance ends when nobody sends to it any more");
    t.equal(calls.at(-1)?.node, old.id);
    t.strictSame(
      new Set(patches(calls).map(({ source }) => source)),
      new Set([f0, f1, f2].map((id) => instanceOf(domain, id).functionId)),
    );
  },
);

t.test(
  "given resources that send to each other, when one is migrated, then one stop, one start and 3 patches follow (ORC-10)",
  async (t) => {
    const domain = await domainOf(2, 1);
    const [r0, r1, r2] = [
      await domain.startResource("rc-1"),
      await domain.startResource("rc-1"),
      await domain.startResource("rc-1"),
    ];
    // The patches of resources come through the function service too.
    await domain.patch(r0, { "out-1": r1 });
    await domain.patch(r1, { "out-1": r0, "out-2": r2 });
    await domain.patch(r2, { "out-1": r1 });
    domain.takeCalls();
    const old = domain.nodeOf(r1);
    const [target] = domain.nodes.filter((node) => node !== old);
    if (target === undefined) return;
    await domain.orchestrator.migrate(r1, [target.id]);
    await domain.clock.advance(0);
    t.strictSame(types(domain.takeCalls()), [
      ...["patch-resource", "patch-resource", "patch-resource"],
      ...["start-resource", "stop-resource"],
    ]);
    t.equal(domain.nodeOf(r1), target);
  },
);

t.test(
  "given intents that make no sense, when they come, then nothing happens and the answer tells why (ORC-11)",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const good = await domain.addNode({ providers: [provider("p")] });
    const bad = await domain.addNode({ runtimes: ["OTHER"] });
    const f = await domain.startFunction("f");
    const r = await domain.startResource("rc-1");
    domain.takeCalls();
    const decline = async (id: typeof f, target: typeof f) => {
      const result = await domain.orchestrator.migrate(id, [target]);
      return result.ok ? "accepted" : result.error.detail;
    };
    t.match(await decline(f, good.id), /already runs there/);
    t.match(await decline(r, good.id), /already runs there/);
    t.match(await decline(f, bad.id), /has no run-time RUST_WASM/);
    t.match(await decline(r, bad.id), /offers no resource class rc-1/);
    t.match(await decline(r, f), /is unknown/);
    t.match(await decline(good.id, bad.id), /component .* is unknown/);
    t.strictSame(domain.takeCalls(), []);
  },
);

t.test(
  "given 100 chains, when the controller resets the domain, then everything stops and nothing else happens (ORC-12)",
  async (t) => {
    const domain = await domainOf(3, 1);
    for (let i = 0; i < 100; i++) {
      const f1 = await domain.startFunction("f1");
      const f2 = await domain.startFunction("f2");
      const r = await domain.startResource("rc-1");
      await domain.patch(f1, { "out-1": f2 });
      await domain.patch(f2, { "out-1": r });
    }
    domain.takeCalls();
    domain.orchestrator.reset(domain.orchestrator.sequence);
    await domain.clock.advance(1_000);
    const calls = domain.takeCalls();
    t.equal(ofType(calls, "stop-function").length, 200);
    t.equal(ofType(calls, "stop-resource").length, 100);
    t.equal(calls.length, 300);
    t.ok(domain.nodes.every(({ instances }) => instances.size === 0));
  },
);

t.test(
  "given 10 nodes with 5 providers each, then the domain offers their sum and has changed 10 times (ORC-13)",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const first = domain.orchestrator.report().counter;
    for (let i = 0; i < 10; i++) {
      await domain.addNode({
        labels: [i === 0 ? "stable" : "unstable"],
        providers: Array.from({ length: 5 }, (_, j) => provider(`node-${i}-resource-${j}-provider`)),
      });
    }
    const { capabilities, counter, nodes } = domain.orchestrator.report();
    t.equal(counter - first, 10n);
    t.match(capabilities, {
      numNodes: 10,
      numCpus: 10,
      numCores: 10,
      labels: ["stable", "unstable"],
      runtimes: ["RUST_WASM"],
      resourceClasses: ["rc-1"],
    });
    t.equal(capabilities.resourceProviders.length, 50);
    t.equal(nodes?.length, 10);
  },
);

t.test(
  "given 5 nodes, when a function wants what none has, then the refusal names the reason of each (ORC-15)",
  async (t) => {
    const empty = await SimulatedDomain.open();
    t.strictSame(await empty.orchestrator.startFunction(empty.functionRequest("f")), {
      ok: false,
      error: {
        summary: "Could not start function f",
        detail: "no valid node found: no node is registered",
      },
    });
    const domain = await domainOf(5);
    const [first] = domain.nodes;
    if (first === undefined) return;
    const request = domain.functionRequest("f", { node_id_match_any: first.id });
    const refused = await domain.orchestrator.startFunction({
      ...request,
      code: { ...request.code, functionType: "JAVA" },
    });
    t.notOk(refused.ok);
    if (refused.ok) return;
    for (const { id } of domain.nodes) t.match(refused.error.detail, `node ${id} has no run-time JAVA`);
    t.strictSame(domain.takeCalls(), []);
  },
);
