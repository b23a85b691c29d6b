import t from "tap";
import { loadState } from "../../../control/orchestrator/saved-state.js";
import { MemoryStore } from "../../../platform/store/memory-store.js";
import { provider, SimulatedDomain } from "./simulated-domain.js";
import type { Call } from "./simulated-node.js";

const types = (calls: readonly Call[]) => calls.map(({ type }) => type);
const starts = (calls: readonly Call[]) => calls.filter(({ type }) => type.startsWith("start-"));

async function chain(isReference: boolean) {
  const domain = await SimulatedDomain.open();
  const one = await domain.addNode({ labels: ["one"], providers: [provider("p")], isReference });
  const two = await domain.addNode({ labels: ["two"], isReference });
  const f = await domain.startFunction("f", { label_match_all: "one" });
  const g = await domain.startFunction("g", { label_match_all: "two" });
  const r = await domain.startResource("rc-1", { path: "log" });
  await domain.patch(f, { "out-1": g });
  await domain.patch(g, { "out-1": r });
  domain.takeCalls();
  return { domain, one, two, f, g, r };
}

for (const isReference of [false, true]) {
  const kind = isReference ? "Rust nodes" : "nodes of this project";
  t.test(
    `given ${kind} that kept running, when the orchestrator is killed and restarted, then nothing is started again`,
    async (t) => {
      const { domain, one, two, f, g, r } = await chain(isReference);
      const before = [f, g, r].map((id) => domain.placeOf(id));
      const { nonce, counter } = domain.orchestrator.report();
      await domain.killOrchestrator();
      await domain.startOrchestrator();
      t.strictSame(domain.takeCalls(), [], "nothing is sent to a node that was not heard of");
      await domain.refresh(one);
      await domain.refresh(two);
      await domain.refresh(one);
      const calls = domain.takeCalls();
      t.notOk(types(calls).some((type) => type.startsWith("st") || type === "reset"));
      t.strictSame(
        [f, g, r].map((id) => domain.placeOf(id)),
        before,
      );
      const after = domain.orchestrator.report();
      t.equal(after.nonce, nonce, "the same nonce: the components were not lost");
      t.ok(after.counter > counter);

      await domain.leave(two);
      t.match(domain.status(g), { state: "pending" });
      await domain.refresh(two);
      const [again] = starts(domain.takeCalls());
      t.match(again, { request: { code: { id: "g", binary: new TextEncoder().encode("code of g") } } });
      await domain.stop(f);
      t.equal(one.instances.size, 1, "what was kept can be stopped");
    },
  );
}

t.test(
  "given nodes that changed while the orchestrator was away, then exactly what is missing is started",
  async (t) => {
    const { domain, one, two, f, g, r } = await chain(false);
    await domain.killOrchestrator();
    two.restart();
    for (const [functionId, { spawn }] of one.instances)
      if ("classType" in spawn) one.instances.delete(functionId);
    const [running] = one.instances.values();
    if (running === undefined) return;
    one.instances.set(one.id, running);
    await domain.startOrchestrator();
    await domain.refresh(one);
    await domain.refresh(two);
    await domain.refresh(one);
    const calls = domain.takeCalls();
    t.equal(starts(calls).length, 2);
    t.strictSame(types(calls.filter(({ node }) => node === two.id)).slice(0, 1), ["reset"]);
    t.equal(one.instances.size, 2, "the instance nobody knows is stopped");
    t.equal(two.instances.size, 1);
    t.ok([f, g, r].every((id) => domain.status(id)?.instance !== undefined));
  },
);

t.test(
  "given a node that does not come back after a restart of the orchestrator, then it has some seconds, then its functions move",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const one = await domain.addNode();
    const f = await domain.startFunction("f");
    await domain.refresh(one, 1_000);
    const two = await domain.addNode();
    await domain.killOrchestrator();
    await domain.clock.advance(60_000);
    await domain.startOrchestrator();
    await domain.refresh(two);
    await domain.clock.advance(4_000);
    t.equal(domain.nodeOf(f), one, "the deadline passed while the orchestrator was away");
    await domain.clock.advance(86_400_000);
    t.equal(domain.status(f)?.instance?.nodeId, undefined);
    await domain.refresh(two);
    await domain.clock.advance(0);
    t.equal(domain.nodeOf(f), two);
  },
);

t.test(
  "given a start right after a restart of the orchestrator, then it waits for the nodes it knows",
  async (t) => {
    const { domain, one } = await chain(false);
    await domain.killOrchestrator();
    await domain.startOrchestrator();
    const start = domain.orchestrator.startFunction(domain.functionRequest("h", { label_match_all: "one" }));
    await domain.clock.advance(1_500);
    await domain.refresh(one);
    t.match(await start, { ok: true });
  },
);

t.test(
  "given stops and a cordon that were promised, when the orchestrator is killed, then they hold after it",
  async (t) => {
    const { domain, one, f } = await chain(true);
    one.mode = "hung";
    await domain.stop(f);
    await domain.orchestrator.cordon(one.id, true);
    await domain.killOrchestrator();
    one.mode = "down";
    await domain.startOrchestrator();
    one.mode = "well";
    await domain.refresh(one);
    await domain.clock.advance(10_000);
    t.equal(one.instances.size, 1);
    t.strictSame(domain.orchestrator.report().capabilities.runtimes, ["RUST_WASM"]);
    t.equal(
      domain.orchestrator.report().nodes?.find(({ nodeId }) => nodeId === one.id)?.acceptsFunctions,
      false,
    );
  },
);

t.test(
  "given code shared by many functions, then it is kept once, and no longer than it is needed",
  async (t) => {
    const domain = await SimulatedDomain.open();
    await domain.addNode();
    const ids = [];
    for (let i = 0; i < 5; i++) ids.push(await domain.startFunction("same"));
    const codes = async () => {
      const keys = [];
      for await (const [key] of domain.store.entries("code/")) keys.push(key);
      return keys.length;
    };
    t.equal(await codes(), 1);
    const last = ids.pop();
    for (const id of ids) await domain.stop(id);
    t.equal(await codes(), 1);
    if (last !== undefined) await domain.stop(last);
    t.equal(await codes(), 0);
    const left = [];
    for await (const [key] of domain.store.entries("")) left.push(key.split("/")[0]);
    t.strictSame(left.sort(), ["domain", "node"]);
  },
);

t.test(
  "given a store that fails, when something is started, then it is refused, taken back, and works again later",
  async (t) => {
    const domain = await SimulatedDomain.open();
    const node = await domain.addNode();
    domain.store.isFailing = true;
    const refused = await domain.orchestrator.startFunction(domain.functionRequest("f"));
    t.match(refused, {
      ok: false,
      error: { summary: "the orchestrator cannot keep its state", detail: "the disk is full" },
    });
    await domain.clock.advance(1_000);
    t.equal(node.instances.size, 0);
    domain.store.isFailing = false;
    t.ok(await domain.startFunction("f"));
  },
);

t.test("given an empty store, then there is no state; given a broken record, then it is named", async (t) => {
  const store = new MemoryStore();
  t.equal(await loadState(store), undefined);
  const { domain } = await chain(false);
  for await (const [key, value] of domain.store.entries("")) {
    if (key.startsWith("code/")) continue;
    for (const broken of ["", "{", "{}", "[1]", '{"edition":2}']) {
      await domain.store.write([{ key, value: new TextEncoder().encode(broken) }]);
      await t.rejects(loadState(domain.store), {
        code: "EDGELESS_STORE_BROKEN",
        message: new RegExp(`record ${key}`),
      });
    }
    await domain.store.write([{ key, value }]);
  }
  await t.resolves(loadState(domain.store));
  for await (const [key] of domain.store.entries("code/")) {
    await domain.store.write([{ key }]);
    await t.rejects(loadState(domain.store), {
      code: "EDGELESS_STORE_BROKEN",
      message: /its code .* is missing/,
    });
    break;
  }
});
