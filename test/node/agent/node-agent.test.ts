import t from "tap";
import type { Patch, PeerUpdate, Result } from "../../../core/api.js";
import { EdgelessError } from "../../../core/errors.js";
import type { InstanceId } from "../../../core/instance-id.js";
import { SILENT } from "../../../core/log.js";
import type { ResourceSpecification, SpawnFunctionRequest } from "../../../core/specification.js";
import type { Uuid } from "../../../core/uuid.js";
import { NodeAgent, type ResourceOwner } from "../../../node/agent/node-agent.js";
import type { FunctionRuntime } from "../../../node/functions/function-runtime.js";
import { FakeClock } from "../../kit/fake-clock.js";
import { seededRandom } from "../../kit/seeded-random.js";
import { instance, uuid } from "../kit/events.js";

const NODE = 1;

class ScriptedRuntime implements FunctionRuntime {
  readonly functionType = "RUST_WASM";
  readonly instances = new Map<Uuid, ReadonlyMap<string, InstanceId>>();
  refuse: Error | undefined;
  endless = false;

  start(functionId: Uuid): void {
    if (this.refuse !== undefined) throw this.refuse;
    this.instances.set(functionId, new Map());
  }
  async stop(functionId: Uuid): Promise<void> {
    this.instances.delete(functionId);
    if (this.endless) await new Promise(() => {});
  }
  patch(functionId: Uuid, outputs: ReadonlyMap<string, InstanceId>): void {
    if (this.instances.has(functionId)) this.instances.set(functionId, outputs);
  }
  statuses() {
    return [...this.instances.keys()].map((functionId) => ({
      functionId,
      state: "running" as const,
      restarts: 0,
      reason: "",
    }));
  }
  stateIds() {
    return [];
  }
  async reset(): Promise<void> {
    this.instances.clear();
    if (this.endless) await new Promise(() => {});
  }
  async close(): Promise<void> {}
  deliver(): boolean {
    return false;
  }
}

class ScriptedResources implements ResourceOwner {
  readonly running = new Set<string>();
  start: (specification: ResourceSpecification) => Promise<Result<InstanceId>> = async () => {
    this.running.add("a");
    return { ok: true, value: instance(NODE, 50) };
  };
  async stop(): Promise<void> {
    this.running.clear();
  }
  patch(patch: Patch<InstanceId>): void {
    throw new EdgelessError("EDGELESS_UNKNOWN_INSTANCE", `no resource ${patch.source}`);
  }
  async reset(): Promise<void> {
    this.running.clear();
  }
  statuses() {
    return [{ functionId: uuid(50), state: "running" as const, restarts: 0, reason: "" }];
  }
}

function setUp() {
  const clock = new FakeClock();
  const runtime = new ScriptedRuntime();
  const resources = new ScriptedResources();
  const peerUpdates: PeerUpdate[] = [];
  const agent = new NodeAgent({
    nodeId: uuid(NODE),
    runtimes: [runtime],
    resources,
    peers: { updatePeers: (update) => void peerUpdates.push(update) },
    clock,
    random: seededRandom(3),
    logger: SILENT,
  });
  return { clock, runtime, resources, agent, peerUpdates };
}

function request(functionType: string): SpawnFunctionRequest {
  return {
    code: { id: "greet", functionType, version: "1", binary: new Uint8Array([0]), outputs: [] },
    annotations: new Map(),
    state: { stateId: uuid(77), policy: "transient" },
    workflowId: uuid(78),
  };
}

const FILE_LOG: ResourceSpecification = {
  classType: "file-log",
  configuration: new Map(),
  workflowId: uuid(78),
};

t.test(
  "given a known function type, when functions start, then each gets this node's id and a fresh function id",
  async (t) => {
    const { agent, runtime } = setUp();
    const first = await agent.startFunction(request("RUST_WASM"));
    const second = await agent.startFunction(request("RUST_WASM"));
    if (!first.ok || !second.ok) throw new Error("refused");
    t.equal(first.value.nodeId, uuid(NODE));
    t.not(first.value.functionId, second.value.functionId);
    t.same([...runtime.instances.keys()], [first.value.functionId, second.value.functionId]);
    t.equal(agent.statuses().length, 3, "functions and resources are reported together");
  },
);

t.test(
  "given a function that can not run here, when it starts, then the refusal names the reason",
  async (t) => {
    const { agent, runtime } = setUp();
    t.same(await agent.startFunction(request("CONTAINER")), {
      ok: false,
      error: {
        summary: "Error when creating a function instance",
        detail: 'no run-time for function type "CONTAINER"; available: RUST_WASM',
      },
    });
    runtime.refuse = new EdgelessError("EDGELESS_WASM_ABI", "import env.read is not part of the guest ABI");
    t.match(await agent.startFunction(request("RUST_WASM")), {
      ok: false,
      error: { detail: "EDGELESS_WASM_ABI: import env.read is not part of the guest ABI" },
    });
    runtime.refuse = new Error("out of memory");
    t.match(await agent.startFunction(request("RUST_WASM")), {
      ok: false,
      error: { detail: "out of memory" },
    });
  },
);

t.test(
  "given unknown ids, when they are stopped or patched, then functions take it; a resource patch is an error",
  async (t) => {
    const { agent } = setUp();
    const patch = { source: uuid(99), outputs: new Map() };
    await agent.stopFunction(instance(NODE, 99));
    await agent.patchFunction(patch);
    await agent.stopResource(instance(NODE, 99));
    await t.rejects(agent.patchResource(patch), { code: "EDGELESS_UNKNOWN_INSTANCE" });
  },
);

t.test(
  "given a wired function, when it is patched again, then the new wiring replaces the old",
  async (t) => {
    const { agent, runtime } = setUp();
    const started = await agent.startFunction(request("RUST_WASM"));
    if (!started.ok) throw new Error("refused");
    const source = started.value.functionId;
    await agent.patchFunction({
      source,
      outputs: new Map([
        ["a", instance(2, 1)],
        ["b", instance(2, 2)],
      ]),
    });
    await agent.patchFunction({ source, outputs: new Map([["b", instance(3, 3)]]) });
    t.same(runtime.instances.get(source), new Map([["b", instance(3, 3)]]));
  },
);

t.test(
  "given handlers that do not end, when functions are stopped or all is reset, then the answer comes within a second",
  async (t) => {
    const { agent, runtime, clock, resources } = setUp();
    runtime.endless = true;
    let answers = 0;
    void agent.stopFunction(instance(NODE, 5)).then(() => answers++);
    void agent.reset().then(() => answers++);
    await clock.advance(999);
    t.equal(answers, 0);
    await clock.advance(1);
    t.equal(answers, 2);
    t.equal(resources.running.size, 0);
  },
);

t.test(
  "given a resource that hangs at start, when other requests come, then they are answered",
  async (t) => {
    const { agent, resources } = setUp();
    const healthy = resources.start;
    let finish: (result: Result<InstanceId>) => void = () => {};
    resources.start = () =>
      new Promise((resolve) => {
        finish = resolve;
      });
    const slow = agent.startResource(FILE_LOG);
    resources.start = healthy;
    t.match(await agent.startResource(FILE_LOG), { ok: true });
    t.match(await agent.startFunction(request("RUST_WASM")), { ok: true });
    finish({ ok: false, error: { summary: "no such file" } });
    t.same(await slow, { ok: false, error: { summary: "no such file" } });
  },
);

t.test("given a change of peers, when it comes, then it goes to the data plane", async (t) => {
  const { agent, peerUpdates } = setUp();
  await agent.updatePeers({ type: "clear" });
  t.same(peerUpdates, [{ type: "clear" }]);
});
