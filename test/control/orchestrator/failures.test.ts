import t from "tap";
import { CALL_TIMEOUT_MS, provider, REFRESH_MS, resource, SimulatedDomain } from "./simulated-domain.js";
import type { Call, SimulatedNode } from "./simulated-node.js";

const types = (calls: readonly Call[]) => calls.map(({ type }) => type);
const at = (calls: readonly Call[], node: SimulatedNode) =>
  types(calls.filter((call) => call.node === node.id));

t.test(
  "given a node that restarts within its deadline, then it is emptied, introduced and filled once, without flapping",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const node = await domain.addNode();
    const other = await domain.addNode({ runtimes: [] });
    const f = await domain.startFunction("f");
    const before = domain.placeOf(f);
    domain.takeCalls();
    node.restart();
    await domain.refresh(node);
    t.strictSame(at(domain.takeCalls(), node), ["reset", "add-peer", "add-peer", "start-function"]);
    t.not(domain.placeOf(f), before);
    t.strictSame(new Set(node.peers.keys()), new Set([node.id, other.id]));
    for (let i = 0; i < 5; i++) {
      await domain.clock.advance(REFRESH_MS);
      t.equal(await domain.refresh(node), undefined);
    }
    t.strictSame(domain.takeCalls(), []);
    const former = node.nonce;
    node.restart();
    await domain.refresh(node);
    domain.takeCalls();
    const latest = node.nonce;
    node.nonce = former;
    t.match(
      await domain.refresh(node),
      /another process/,
      "a late message of the process before changes nothing",
    );
    node.nonce = latest;
    t.equal(await domain.refresh(node), undefined);
    t.strictSame(domain.takeCalls(), []);
  },
);

t.test(
  "given a running node, when its labels, providers and URLs change, then they count and nothing is lost",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const node = await domain.addNode();
    const other = await domain.addNode();
    const f = await domain.startFunction("f", { node_id_match_any: node.id });
    const counter = domain.orchestrator.report().counter;
    domain.takeCalls();
    node.capabilities = { ...node.capabilities, labels: ["camera"] };
    node.providers = [provider("p")];
    node.invocationUrl = "http://127.0.0.1:29999";
    await domain.refresh(node);
    t.strictSame(types(domain.takeCalls()), ["add-peer", "add-peer"]);
    t.equal(other.peers.get(node.id), node.invocationUrl);
    t.equal(domain.orchestrator.report().counter, counter + 1n);
    t.strictSame(domain.orchestrator.report().capabilities.resourceClasses, ["rc-1"]);
    await domain.startFunction("g", { label_match_all: "camera" });
    await domain.startResource("rc-1");
    t.equal(node.instances.size, 3);
    t.equal(domain.status(f)?.state, "running");
    await domain.refresh(node);
    t.equal(domain.orchestrator.report().counter, counter + 1n, "an equal refresh is no change");
  },
);

t.test("given a silent node, then only its deadline removes it, whatever the wall clock does", async (t) => {
  const domain = await SimulatedDomain.open();
  const node = await domain.addNode();
  const other = await domain.addNode();
  const f = await domain.startFunction("f", { node_id_match_any: `${node.id},${other.id}` });
  const holder = domain.nodeOf(f);
  const heir = holder === node ? other : node;
  await domain.refresh(holder, 4_000);
  domain.skewMs = 3_600_000;
  await domain.clock.advance(3_000);
  t.equal(domain.nodeOf(f), holder);
  domain.skewMs = 0;
  await domain.clock.advance(2_100);
  t.equal(domain.nodeOf(f), heir);
  t.equal(domain.orchestrator.report().capabilities.numNodes, 1);
  t.notOk(heir.peers.has(holder.id));
});

t.test(
  "given messages that make no sense, when nodes send them, then they are refused with the reason",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const node = await domain.addNode();
    await domain.leave(node);
    t.match(await domain.refresh(node, -60_000), /do the clocks of the machines agree/);
    node.agentUrl = "http://no-port";
    t.match(await domain.refresh(node), /agent_url is not a usable URL/);
    node.agentUrl = "coap://127.0.0.1:7050";
    t.match(await domain.refresh(node), /agent_url/);
    node.agentUrl = "http://127.0.0.1:10000";
    node.invocationUrl = "";
    t.match(await domain.refresh(node), /invocation_url/);
    node.invocationUrl = "coap://127.0.0.1:1";
    node.capabilities = {
      ...node.capabilities,
      numCpus: 0xffffffff,
      numCores: 0xffffffff,
      memSize: 0xffffffff,
    };
    t.equal(await domain.refresh(node, Number.MAX_SAFE_INTEGER), undefined, "absurd values are only values");
    await domain.addNode({ capabilities: { memSize: 5, numCpus: 3 } });
    const { memSize, numCpus } = domain.orchestrator.report().capabilities;
    t.strictSame({ memSize, numCpus }, { memSize: 0xffffffff, numCpus: 0xffffffff });
    t.ok(await domain.startFunction("f"));
  },
);

t.test("given a hung node, when others are asked something, then they are not delayed", async (t) => {
  const domain = await SimulatedDomain.open();
  const hung = await domain.addNode({ labels: ["a"] });
  const well = await domain.addNode({ labels: ["b"] });
  const f = await domain.startFunction("f", { label_match_all: "a" });
  const g = await domain.startFunction("g", { label_match_all: "b" });
  hung.mode = "hung";
  domain.takeCalls();
  let isWired = false;
  const wired = domain.orchestrator
    .patchFunction({ source: f, outputs: new Map([["out-1", g]]) })
    .then(() => {
      isWired = true;
    });
  await domain.patch(g, { "out-1": f });
  await domain.startFunction("h", { label_match_all: "b" });
  t.equal(isWired, false, "a patch is answered when the instance has its outputs");
  await domain.clock.advance(500);
  await wired;
  t.strictSame(at(domain.takeCalls(), well), ["patch-function", "start-function"]);
  await domain.stop(f);
  await domain.clock.advance(30_000);
  t.strictSame(types(domain.takeCalls().filter(({ node }) => node === well.id)), ["patch-function"]);
  hung.mode = "well";
  await domain.refresh(hung);
  await domain.clock.advance(10_000);
  t.equal(hung.instances.size, 0, "what had to end there ends as soon as it answers");
});

t.test(
  "given a node that takes a start and does not answer, then the next one gets it and the late instance is stopped",
  async (t) => {
    const domain = await SimulatedDomain.open("RoundRobin");
    const nodes = [await domain.addNode(), await domain.addNode()];
    for (const node of nodes) domain.keepRefreshing(node);
    const [hung, well] = nodes[0] && nodes[1] && nodes[0].id < nodes[1].id ? nodes : [...nodes].reverse();
    if (hung === undefined || well === undefined) return;
    hung.mode = "hung";
    const start = domain.orchestrator.startFunction(domain.functionRequest("f"));
    await domain.clock.advance(CALL_TIMEOUT_MS + 10);
    const result = await start;
    t.ok(result.ok);
    t.equal(well.instances.size, 1);
    hung.mode = "well";
    await domain.clock.advance(10_000);
    t.equal(hung.instances.size, 0);
    t.equal(well.instances.size, 1);
  },
);

t.test(
  "given the only node is slow, then a start is refused in time, and a lost component takes the late instance over",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const node = await domain.addNode();
    const f = await domain.startFunction("f");
    node.mode = "hung";
    const start = domain.orchestrator.startFunction(domain.functionRequest("g"));
    await domain.clock.advance(CALL_TIMEOUT_MS + 10);
    const refused = await start;
    t.notOk(refused.ok);
    if (!refused.ok) t.match(refused.error.detail, /no answer within 1000 ms/);
    node.mode = "well";
    await domain.refresh(node);
    await domain.clock.advance(10_000);
    t.equal(node.instances.size, 1, "the late instance of the refused start is gone");

    node.restart();
    await domain.refresh(node, 3_600_000);
    t.equal(domain.nodeOf(f), node);
    node.instances.clear();
    await domain.refresh(node);
    await domain.refresh(node);
    t.equal(node.instances.size, 1, "an instance that vanished is started again");
  },
);

t.test(
  "given a node that refuses, then the next fitting node is tried, and the refusal names the reason of each",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const nodes = [await domain.addNode(), await domain.addNode(), await domain.addNode()];
    const [first, second, third] = nodes;
    if (first === undefined || second === undefined || third === undefined) return;
    first.mode = "refusing";
    second.mode = "down";
    for (let i = 0; i < 6; i++) {
      const f = await domain.startFunction("f");
      t.equal(domain.nodeOf(f), third);
    }
    third.answersAs = first.id;
    const refused = await domain.orchestrator.startFunction(domain.functionRequest("f"));
    t.notOk(refused.ok);
    if (refused.ok) return;
    t.match(refused.error.detail, `node ${first.id} refused: no more room`);
    t.match(refused.error.detail, `node ${second.id} did not answer lately`);
    t.match(refused.error.detail, `node ${third.id} answered as another node, ${first.id}`);
    await domain.clock.advance(1_000);
    t.equal(third.instances.size, 6, "what was started under a foreign name is stopped again");
  },
);

for (const mode of ["refusing", "down", "hung"] as const) {
  t.test(
    `given a ${mode} node, when patches, stops and peer updates fail, then they are repeated until they hold`,
    async (t) => {
      const domain = await SimulatedDomain.open();
      const node = await domain.addNode();
      const f = await domain.startFunction("f");
      const g = await domain.startFunction("g");
      const h = await domain.startFunction("h");
      node.mode = mode;
      await domain.patch(f, { "out-1": g });
      await domain.stop(h);
      const peer = await domain.addNode({ runtimes: [] });
      await domain.clock.advance(20_000);
      t.equal(node.instances.size, 3);
      node.mode = "well";
      await domain.refresh(node);
      await domain.clock.advance(30_000);
      t.equal(node.instances.size, 2);
      const functionId = domain.status(f)?.instance?.functionId;
      const source = functionId === undefined ? undefined : node.instances.get(functionId);
      t.strictSame([...(source?.outputs.keys() ?? [])], ["out-1"]);
      t.equal(node.peers.get(peer.id), peer.invocationUrl);
      domain.takeCalls();
      await domain.clock.advance(60_000);
      t.strictSame(domain.takeCalls(), [], "what holds is not repeated");
    },
  );
}

t.test(
  "given a patch that the node refused, when what it asks for changes, then the new one is sent at once",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const node = await domain.addNode();
    const f = await domain.startFunction("f");
    const g = await domain.startFunction("g");
    node.mode = "refusing";
    await domain.patch(f, { "out-1": f });
    await domain.clock.advance(60_000);
    node.mode = "well";
    await domain.patch(f, { "out-2": g });
    const functionId = domain.status(f)?.instance?.functionId;
    t.strictSame(functionId && [...(node.instances.get(functionId)?.outputs.keys() ?? [])], ["out-2"]);
    domain.takeCalls();
    await domain.clock.advance(60_000);
    t.strictSame(domain.takeCalls(), []);
  },
);

t.test(
  "given two nodes with the same provider id, when the owner leaves, then the other one counts",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const owner = await domain.addNode({ providers: [provider("camera")] });
    const second = await domain.addNode({ providers: [provider("camera"), provider("disk", "rc-2")] });
    t.strictSame(domain.orchestrator.report().capabilities.resourceProviders, ["camera", "disk"]);
    const r = await domain.startResource("rc-1");
    t.equal(domain.nodeOf(r), owner);
    await domain.leave(owner);
    t.equal(domain.nodeOf(r), second);
    t.strictSame(domain.orchestrator.report().capabilities.resourceProviders, ["camera", "disk"]);
  },
);

t.test("given resource_match_all on a resource, then it goes where that provider is", async (t) => {
  const domain = await SimulatedDomain.open();
  await domain.addNode({ providers: [provider("p1")] });
  const right = await domain.addNode({ providers: [provider("p2"), provider("p3", "rc-3")] });
  for (let i = 0; i < 5; i++) {
    const r = await domain.startResource("rc-1", { resource_match_all: "p2, p3" });
    t.equal(domain.nodeOf(r), right);
  }
  const refused = await domain.orchestrator.startResource(resource("rc-1", { resource_match_all: "p9" }));
  t.match(refused, {
    ok: false,
    error: { summary: "could not start resource", detail: /lacks the resource provider p9/ },
  });
});

t.test(
  "given a far half of a bridge between domains, then it goes to the provider named after its domain",
  async (t) => {
    const domain = await SimulatedDomain.open();
    await domain.addNode({ providers: [provider("portal-a", "portal")] });
    const right = await domain.addNode({ providers: [provider("portal-b", "portal")] });
    const far = { role: "sink", domain: "portal", domain_name: "b", id: "1" };
    for (let i = 0; i < 5; i++) t.equal(domain.nodeOf(await domain.startResource("portal", far)), right);
    const none = await domain.orchestrator.startResource(resource("portal", { ...far, domain_name: "c" }));
    t.notOk(none.ok);
  },
);

t.test("given max_instances, then there are never more, not while one ends or moves", async (t) => {
  const domain = await SimulatedDomain.open();
  const [one, two] = [await domain.addNode(), await domain.addNode()];
  const live = () => one.instances.size + two.instances.size;
  const once = { max_instances: "1" };
  const f = await domain.startFunction("f", once);
  const refused = await domain.orchestrator.startFunction(domain.functionRequest("f"));
  t.match(refused, {
    ok: false,
    error: { detail: /max_instances of f 0.1 \(RUST_WASM\) is 1 and 1 already exist in this domain/ },
  });
  t.ok(await domain.startFunction("another"), "another class is not concerned");
  const held = domain.nodeOf(f);
  const target = held === one ? two : one;
  const others = live() - 1;
  domain.takeCalls();
  await domain.orchestrator.migrate(f, [target.id]);
  await domain.clock.advance(0);
  t.strictSame(types(domain.takeCalls()), ["stop-function", "start-function"]);
  t.equal(domain.nodeOf(f), target);

  target.mode = "hung";
  await domain.stop(f);
  const again = domain.orchestrator.startFunction(domain.functionRequest("f", once));
  await domain.clock.advance(2_500);
  t.equal(live(), others + 1, "the new one waits while the old one may still be there");
  target.mode = "well";
  await domain.refresh(target);
  await domain.clock.advance(100);
  t.ok((await again).ok);
  t.equal(live(), others + 1);
});

t.test(
  "given a function whose class is full for ever, when it waits too long, then the refusal names max_instances",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const node = await domain.addNode();
    const f = await domain.startFunction("f", { max_instances: "1" });
    node.mode = "hung";
    await domain.stop(f);
    const again = domain.orchestrator.startFunction(domain.functionRequest("f", { max_instances: "1" }));
    await domain.clock.advance(60_000);
    t.match(await again, { ok: false, error: { detail: /max_instances/ } });
  },
);

t.test("given requirements that cannot be read, then the start is refused and names the key", async (t) => {
  const domain = await SimulatedDomain.open();
  await domain.addNode();
  const refused = await domain.orchestrator.startFunction(
    domain.functionRequest("f", { node_id_match_any: "everywhere" }),
  );
  t.match(refused, {
    ok: false,
    error: { detail: 'deployment requirement node_id_match_any: "everywhere" is not a UUID' },
  });
});

t.test(
  "given a function with saved state, when its node restarts or another fits too, then it returns to its node",
  async (t) => {
    const domain = await SimulatedDomain.open("RoundRobin");
    for (let i = 0; i < 6; i++) await domain.addNode();
    const f = await domain.startFunction("f");
    const home = domain.nodeOf(f);
    for (let i = 0; i < 5; i++) {
      home.instances.clear();
      await domain.refresh(home);
      await domain.refresh(home);
      t.equal(domain.nodeOf(f), home);
    }
  },
);

t.test(
  "given reports of a node, then crashes show, and instances nobody asked for are stopped",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const node = await domain.addNode({ providers: [provider("p")] });
    const f = await domain.startFunction("f");
    const functionId = domain.status(f)?.instance?.functionId;
    const instance = functionId === undefined ? undefined : node.instances.get(functionId);
    if (instance === undefined) return;
    t.equal(domain.status(f)?.state, "starting", "accepted, and not yet reported");
    const changes = domain.changes;
    instance.status = { state: "crashed", restarts: 3, reason: "trap: unreachable" };
    await domain.refresh(node);
    t.match(domain.status(f), { state: "crashed", restarts: 3, reason: "trap: unreachable" });
    t.ok(domain.changes > changes, "the controller hears of it soon");
    const strange = node.id;
    node.instances.set(strange, instance);
    await domain.refresh(node);
    t.equal(node.instances.size, 2, "the report may be older than an answer");
    await domain.refresh(node);
    t.equal(node.instances.size, 1);
    t.equal(domain.placeOf(f), `${node.id}/${functionId}`);
  },
);

t.test(
  "given a Rust node, when a peer's port is closed, then it is told of the peer only when the port is open",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const rust = await domain.addNode({ isReference: true });
    const ours = await domain.addNode();
    domain.closedPorts.add("http://127.0.0.1:20002");
    const closed = await domain.addNode();
    t.ok(ours.peers.has(closed.id));
    t.notOk(rust.peers.has(closed.id));
    domain.closedPorts.clear();
    await domain.refresh(closed);
    t.ok(rust.peers.has(closed.id));
  },
);

t.test(
  "given a peer that died with its lease still running, when a Rust node registers or restarts, then it is not told of the peer, which would freeze it",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const first = await domain.addNode({ isReference: true });
    const dying = await domain.addNode();
    t.ok(first.peers.has(dying.id));
    domain.closedPorts.add("http://127.0.0.1:20001");
    const second = await domain.addNode({ isReference: true });
    t.ok(second.peers.has(first.id) && second.peers.has(second.id));
    t.notOk(second.peers.has(dying.id));
    first.restart();
    await domain.refresh(first);
    t.ok(first.peers.has(second.id));
    t.notOk(first.peers.has(dying.id));
    domain.closedPorts.clear();
    await domain.refresh(dying);
    t.ok(first.peers.has(dying.id) && second.peers.has(dying.id), "it lives after all");
  },
);

t.test(
  "given a cordoned node, then it keeps what it has, takes nothing new, and offers nothing, also after a restart",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const node = await domain.addNode({ providers: [provider("p")] });
    const f = await domain.startFunction("f");
    t.match(await domain.orchestrator.cordon(node.id, true), { ok: true });
    t.equal(domain.status(f)?.instance?.nodeId, node.id);
    t.match(await domain.orchestrator.startFunction(domain.functionRequest("g")), {
      ok: false,
      error: { detail: /accepts no functions/ },
    });
    t.match(domain.orchestrator.report().capabilities, { runtimes: [], resourceClasses: [], numNodes: 1 });
    node.restart();
    await domain.refresh(node);
    t.equal(domain.status(f)?.state, "pending");
    await domain.orchestrator.cordon(node.id, false);
    await domain.clock.advance(0);
    t.equal(domain.status(f)?.instance?.nodeId, node.id);
    t.match(await domain.orchestrator.cordon(f, true), { ok: false });
  },
);

t.test(
  "given a reset that the controller decided before it started something, then only what was before ends",
  async (t) => {
    const domain = await SimulatedDomain.open();
    await domain.addNode();
    const before = await domain.startFunction("before");
    const mark = domain.orchestrator.sequence;
    const after = await domain.startFunction("after");
    domain.orchestrator.reset(mark);
    await domain.clock.advance(0);
    t.equal(domain.status(before), undefined);
    t.equal(domain.status(after)?.reason, "");
  },
);
