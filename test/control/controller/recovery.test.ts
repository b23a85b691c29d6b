import t from "tap";
import type { Uuid } from "../../../core/uuid.js";
import { accepted, Cluster, fn, refused, res, workflow } from "./cluster.js";
import { nextId, type SimulatedOrchestrator } from "./simulated-orchestrator.js";

const loop = workflow([fn("f1", ["f2"]), fn("f2", ["f1", "r1"])], [res("r1")]);
const ALL = ["f1", "f2", "r1"];

async function pair(reports = false): Promise<[Cluster, SimulatedOrchestrator, SimulatedOrchestrator]> {
  const cluster = await Cluster.of();
  const [a, b] = [await cluster.join("a"), await cluster.join("b")];
  a.reports = b.reports = reports;
  return [cluster, a, b];
}

/** Starts a workflow that lands in `domain`. */
async function startIn(cluster: Cluster, domain: SimulatedOrchestrator, request = loop): Promise<Uuid> {
  for (;;) {
    const { workflowId, mapping } = accepted(await cluster.controller.start(request));
    if (mapping[0]?.domainId === domain.domainId) return workflowId;
    await cluster.controller.stop(workflowId);
  }
}

const stateIds = (orc: SimulatedOrchestrator, workflowId: Uuid) =>
  orc.calls.flatMap((call) =>
    call.call === "startFunction" && call.request.workflowId === workflowId
      ? [`${call.request.code.id} ${call.request.state.stateId}`]
      : [],
  );

const wiredTo = (orc: SimulatedOrchestrator, workflowId: Uuid) => {
  for (const { name, outputs, workflowId: owner } of orc.running.values()) {
    if (owner !== workflowId) continue;
    for (const [channel, target] of outputs) {
      if (`to-${orc.running.get(target)?.name}` !== channel) return `${name}: ${channel} leads nowhere`;
    }
  }
  return "all is wired";
};

t.test(
  "given an ε-ORC restarts within its lease, then it is reset and its workflows are placed again",
  async (t) => {
    const cluster = await Cluster.of();
    const a = await cluster.join("a");
    const workflowId = await startIn(cluster, a);
    const before = stateIds(a, workflowId);
    a.restart();
    t.equal(await a.refresh(cluster.controller), true);
    t.equal(a.running.size, 0, "a reset under way wipes nothing new");
    t.same((await cluster.controller.inspect(workflowId)).instance.mapping, []);
    await cluster.clock.advance(400);
    t.same(a.runningFor(workflowId), ALL);
    t.equal(wiredTo(a, workflowId), "all is wired");
    t.same(stateIds(a, workflowId), [...before, ...before], "with the state ids it had");
    t.equal((await cluster.controller.inspect(workflowId)).instance.mapping.length, 3);
  },
);

t.test(
  "given a domain is lost, then its workflows move to another, and what returns is stopped",
  async (t) => {
    for (const returns of ["same process", "new process"]) {
      const [cluster, a, b] = await pair();
      const workflowId = await startIn(cluster, a);
      await cluster.pass(12, a);
      t.same(b.runningFor(workflowId), ALL);
      t.same(a.runningFor(workflowId), ALL, "nobody could stop them");
      if (returns === "new process") a.restart();
      await cluster.pass(2);
      t.equal(a.running.size, 0, `none are left after the ${returns} returned`);
      t.same(b.runningFor(workflowId), ALL);
      await cluster.controller.stop(workflowId);
      t.equal(b.running.size, 0);
    }
  },
);

t.test(
  "given the only domain is lost, when it returns unchanged, then its workflows go on untouched",
  async (t) => {
    const cluster = await Cluster.of();
    const a = await cluster.join("a");
    const workflowId = await startIn(cluster, a);
    const { mapping } = (await cluster.controller.inspect(workflowId)).instance;
    const calls = a.calls.length;
    await cluster.pass(20, a);
    const { instance } = await cluster.controller.inspect(workflowId);
    t.same(instance.mapping, []);
    t.same(
      instance.statuses.map(({ state, reason }) => [state, reason]),
      ALL.map((name) => ["pending", `${name}: no domain is registered`]),
    );
    t.equal(await a.refresh(cluster.controller), false);
    await cluster.pass(3);
    t.same((await cluster.controller.inspect(workflowId)).instance.mapping, mapping);
    t.equal(a.calls.length, calls);
  },
);

t.test("given orphans, then they are listed in order, can be stopped, and never come back", async (t) => {
  const cluster = await Cluster.of();
  const a = await cluster.join("a");
  const ids: Uuid[] = [];
  for (let i = 0; i < 5; i++) ids.push(await startIn(cluster, a));
  await cluster.pass(12, a);
  t.same(await cluster.controller.list(), [...ids].sort());
  const [stopped, ...others] = ids;
  if (stopped === undefined) throw new Error("no workflow");
  await cluster.controller.stop(stopped);
  t.same(await cluster.controller.list(), [...others].sort());
  t.same(a.runningFor(stopped), ALL, "the domain is away");
  await cluster.pass(2);
  t.same(a.runningFor(stopped), [], "the stop was remembered");
  for (const id of others) t.same(a.runningFor(id), ALL);
});

t.test("given the ε-CON restarts, then workflows whose domains stayed are not touched", async (t) => {
  const [cluster, a, b] = await pair();
  const inA = await startIn(cluster, a);
  const inB = await startIn(cluster, b);
  const { instance } = await cluster.controller.inspect(inA);
  const calls = a.calls.length + b.calls.length;
  await cluster.restartController();
  t.same((await cluster.controller.inspect(inA)).instance.mapping, instance.mapping, "known at once");
  t.equal((await cluster.controller.domains("")).size, 0, "not listed before they are heard of");
  t.equal(await a.refresh(cluster.controller), false);
  t.equal(await b.refresh(cluster.controller), false);
  await cluster.pass(12);
  t.equal(a.calls.length + b.calls.length, calls);
  await cluster.controller.stop(inA);
  await cluster.controller.stop(inB);
  t.equal(a.running.size + b.running.size, 0);
});

t.test(
  "given the ε-CON has just restarted, when a workflow starts, then it waits for the known domains",
  async (t) => {
    const [cluster, a, b] = await pair();
    await cluster.restartController();
    const started = cluster.controller.start(loop);
    await cluster.clock.advance(500);
    t.equal(a.running.size + b.running.size, 0);
    await cluster.pass(1);
    t.equal(accepted(await started).mapping.length, 3);
    await cluster.restartController();
    const vain = cluster.controller.start(loop);
    await cluster.clock.advance(11_000);
    t.match(refused(await vain), /no domain is registered/, "not for ever");
  },
);

t.test(
  "given the ε-CON and a domain restart, then the workflows are placed again under their ids",
  async (t) => {
    const [cluster, a, b] = await pair();
    const workflowId = await startIn(cluster, a);
    const before = stateIds(a, workflowId);
    a.restart();
    b.mood = "unreachable";
    await cluster.restartController();
    await cluster.pass(3, b);
    t.same(a.runningFor(workflowId), ALL);
    t.same(stateIds(a, workflowId), [...before, ...before]);
    t.same(await cluster.controller.list(), [workflowId]);
  },
);

t.test("given the ε-CON restarts and a domain is gone for good, then its workflows move", async (t) => {
  const [cluster, a, b] = await pair();
  const workflowId = await startIn(cluster, a);
  await cluster.restartController();
  await cluster.pass(12, a);
  t.same(b.runningFor(workflowId), ALL);
});

t.test("given a stop that could not be carried out, when the ε-CON restarts, then it still is", async (t) => {
  const cluster = await Cluster.of();
  const a = await cluster.join("a");
  const workflowId = await startIn(cluster, a);
  a.mood = "hung";
  const stopped = cluster.controller.stop(workflowId);
  await cluster.clock.advance(2_000);
  await stopped;
  await cluster.restartController();
  a.mood = "well";
  await cluster.pass(3);
  t.equal(a.running.size, 0);
});

t.test(
  "given the ε-CON dies in the middle of a start, then nothing of it is left after its restart",
  async (t) => {
    const cluster = await Cluster.of();
    const a = await cluster.join("a");
    let stuck = false;
    a.refuse = (name) => {
      if (name === "f2" && !stuck) {
        stuck = true;
        a.mood = "hung";
        void cluster.restartController();
      }
      return undefined;
    };
    const lost = cluster.controller.start(workflow([fn("f1"), fn("f2"), fn("f3")]));
    await cluster.clock.advance(3_000);
    await lost;
    a.mood = "well";
    a.reports = true;
    await cluster.pass(5);
    t.equal(a.running.size, 0);
    t.same(await cluster.controller.list(), []);
  },
);

t.test("given answers to starts get lost, then the reports of the ε-ORC show what to stop", async (t) => {
  const cluster = await Cluster.of();
  const a = await cluster.join("a");
  a.reports = true;
  a.mood = "deaf";
  const lost = cluster.controller.start(loop);
  await cluster.clock.advance(8_000);
  t.match(refused(await lost), /did not answer within 8000 ms/);
  t.equal(a.running.size, 1);
  a.mood = "well";
  await cluster.pass(3);
  t.equal(a.running.size, 0);
});

t.test(
  "given a report lists a stranger while a start is under way, then it is spared until the answer",
  async (t) => {
    const cluster = await Cluster.of();
    const a = await cluster.join("a");
    a.reports = true;
    a.mood = "deaf";
    const lost = cluster.controller.start(workflow([fn("f1")]));
    await cluster.pass(4);
    t.equal(a.running.size, 1, "it may be the one whose answer is awaited");
    await cluster.pass(4);
    a.mood = "well";
    refused(await lost);
    await cluster.pass(3);
    t.equal(a.running.size, 0);
    const stranger = nextId();
    a.running.set(stranger, {
      kind: "resource",
      name: "x",
      workflowId: "x",
      state: "running",
      outputs: new Map(),
    });
    await cluster.pass(1);
    t.equal(a.running.size, 1);
    await cluster.pass(1);
    t.equal(a.running.size, 0);
  },
);

t.test("given a component is missing in two reports, then it alone is started again and wired", async (t) => {
  const cluster = await Cluster.of();
  const a = await cluster.join("a");
  a.reports = true;
  const workflowId = await startIn(cluster, a);
  const [lost] = [...a.running].find(([, { name }]) => name === "f2") ?? [];
  if (lost === undefined) throw new Error("f2 does not run");
  const kept = [...a.running.keys()].filter((id) => id !== lost);
  await cluster.pass(3);
  a.running.delete(lost);
  await cluster.pass(3);
  t.same(a.runningFor(workflowId), ALL);
  t.equal(wiredTo(a, workflowId), "all is wired");
  t.ok(
    kept.every((id) => a.running.has(id)),
    "the others were not touched",
  );
});

t.test("given a leaving domain, then its workflows move at once", async (t) => {
  const [cluster, a, b] = await pair();
  const workflowId = await startIn(cluster, a);
  await a.refresh(cluster.controller, -1_000);
  await cluster.clock.advance(0);
  t.same(b.runningFor(workflowId), ALL);
});

t.test(
  "given no domain suits an orphan, when one gains what it needs, then it is placed there at once",
  async (t) => {
    const [cluster, a, b] = await pair();
    b.capabilities = { ...b.capabilities, resourceClasses: [] };
    await b.refresh(cluster.controller);
    const workflowId = await startIn(cluster, a);
    await cluster.pass(40, a);
    t.equal(b.running.size, 0);
    b.capabilities = { ...b.capabilities, resourceClasses: ["test-res"] };
    await b.refresh(cluster.controller);
    await cluster.clock.advance(0);
    t.same(b.runningFor(workflowId), ALL);
  },
);

t.test(
  "given a domain is away for more than a day, then it is forgotten and must reset when it returns",
  async (t) => {
    const [cluster, a, b] = await pair();
    const workflowId = await startIn(cluster, a);
    b.capabilities = { ...b.capabilities, runtimes: [] };
    await b.refresh(cluster.controller, 100_000_000);
    await cluster.clock.advance(11_000);
    await cluster.clock.advance(24 * 3_600_000);
    const keys: string[] = [];
    for await (const [key] of cluster.store.entries("domain/")) keys.push(key);
    t.notOk(keys.includes("domain/a"));
    t.equal(await a.refresh(cluster.controller), true);
    await cluster.clock.advance(400);
    t.same(a.runningFor(workflowId), ALL);
  },
);

t.test(
  "given a workflow, when it migrates, then it runs in the target before it stops in the source",
  async (t) => {
    const [cluster, a, b] = await pair();
    const workflowId = await startIn(cluster, a);
    let atStop = -1;
    const stop = a.stopFunction.bind(a);
    a.stopFunction = (id) => {
      atStop = atStop < 0 ? b.running.size : atStop;
      return stop(id);
    };
    const { mapping } = accepted(
      await cluster.controller.migrate({ workflowId, domainId: "b", component: "" }),
    );
    t.ok(mapping.every(({ domainId }) => domainId === "b") && mapping.length === 3);
    await cluster.clock.advance(0);
    t.equal(atStop, 3);
    t.equal(a.running.size, 0);
    t.equal(wiredTo(b, workflowId), "all is wired");
    t.same(stateIds(b, workflowId), stateIds(a, workflowId), "with its state ids");
    t.same((await cluster.controller.inspect(workflowId)).instance.mapping, mapping);
    const calls = b.calls.length;
    accepted(await cluster.controller.migrate({ workflowId, domainId: "b", component: "" }));
    t.equal(b.calls.length, calls, "it is there already");
  },
);

t.test("given a migration fails at any step, then the workflow goes on where it was", async (t) => {
  for (const failing of [...ALL, "patch"]) {
    const [cluster, a, b] = await pair();
    const workflowId = await startIn(cluster, a);
    const before = await cluster.controller.inspect(workflowId);
    const calls = a.calls.length;
    b.refuse = (name) => (name === failing ? "not here" : undefined);
    const result = refused(await cluster.controller.migrate({ workflowId, domainId: "b", component: "" }));
    t.match(result, /Error when migrating the workflow: .*; it goes on where it was/);
    t.equal(b.running.size, 0);
    t.equal(a.calls.length, calls);
    t.same(await cluster.controller.inspect(workflowId), before);
  }
});

t.test(
  "given a migration that cannot be, then it is refused with the reason and nothing happens",
  async (t) => {
    const [cluster, a, b] = await pair();
    const workflowId = await startIn(cluster, a);
    const single = await startIn(cluster, a, workflow([fn("f1")]));
    const migrate = async (id: Uuid, domainId: string, component = "") =>
      refused(await cluster.controller.migrate({ workflowId: id, domainId, component }));
    t.equal(await migrate(nextId(), "b"), "Unknown workflow id");
    t.match(
      await migrate(workflowId, "nowhere"),
      /Migration request cannot be satisfied: there is no domain nowhere/,
    );
    t.equal(await migrate(workflowId, "b", "f9"), "Invalid component name specified in migration request");
    t.equal(await migrate(workflowId, "a", "f1"), "Ignoring request to migrate component to the same domain");
    t.match(await migrate(workflowId, "b", "f1"), /no portal/);
    b.capabilities = { ...b.capabilities, runtimes: [] };
    await b.refresh(cluster.controller);
    t.match(await migrate(workflowId, "b"), /b cannot host f1: no node has the run-time RUST_WASM/);
    t.same(a.runningFor(workflowId), ALL);
    b.capabilities = { ...b.capabilities, runtimes: ["RUST_WASM"] };
    await b.refresh(cluster.controller);
    accepted(await cluster.controller.migrate({ workflowId: single, domainId: "b", component: "f1" }));
    t.same(b.runningFor(single), ["f1"], "a component that is the whole workflow can migrate");
  },
);

t.test(
  "given an orphan, when it migrates to a domain that suits, then it runs; one component cannot",
  async (t) => {
    const [cluster, a, b] = await pair();
    const workflowId = await startIn(cluster, a);
    b.refuse = () => "not yet";
    await cluster.pass(12, a);
    t.equal(
      refused(await cluster.controller.migrate({ workflowId, domainId: "b", component: "f1" })),
      "Cannot migrate a single component of an orphan workflow",
    );
    t.match(
      refused(await cluster.controller.migrate({ workflowId, domainId: "b", component: "" })),
      /component f1: not yet; it waits for a domain/,
    );
    b.refuse = () => undefined;
    accepted(await cluster.controller.migrate({ workflowId, domainId: "b", component: "" }));
    t.same(b.runningFor(workflowId), ALL);
  },
);

t.test("given a workflow is stopped while it is being placed again, then that is called off", async (t) => {
  const cluster = await Cluster.of();
  const a = await cluster.join("a");
  const workflowId = await startIn(cluster, a);
  a.restart();
  a.mood = "hung";
  await a.refresh(cluster.controller);
  await cluster.clock.advance(500);
  const stopped = cluster.controller.stop(workflowId);
  await cluster.clock.advance(10_000);
  await stopped;
  a.mood = "well";
  a.reports = true;
  await cluster.pass(20);
  t.equal(a.running.size, 0);
  t.same(await cluster.controller.list(), []);
});
