import { join } from "node:path";
import t from "tap";
import { RUST_WASM } from "../../core/specification.js";
import { eventually } from "../kit/eventually.js";
import { shippedModule } from "../kit/guest-driver.js";
import { call, cast, event, uuid } from "../node/kit/events.js";
import { deviceAddress, spawn } from "./kit/gateway-rig.js";
import { invocationOf, rigFor, run, SOURCE, sink } from "./kit/gateway-steps.js";

t.setTimeout(240_000);

t.test(
  "given a device, when it registers, then it is a node that runs functions with events both ways",
  async (t) => {
    const rig = await rigFor(t);
    rig.device(1, { resources: ["gpio-out"] });
    const agent = await rig.admit(1);
    const update = rig.orchestrator.latest(uuid(1));
    t.match(update?.capabilities, { numCpus: 1, numCores: 1, runtimes: [RUST_WASM] });
    t.ok(update?.capabilities.labels.includes("device=board-1"));
    t.ok(update?.capabilities.labels.includes("board=emulated-esp32-wasm"));
    t.match(update?.resourceProviders, [
      { providerId: "board-1-00000000-gpio-out-1", classType: "gpio-out" },
    ]);
    t.equal(update?.health.memFree, 256);
    const double = await run(rig, agent, "double", { result: sink(77) });
    const invocation = invocationOf(t, rig);
    await invocation.handle(cast(SOURCE, double, "21"));
    await eventually("event", () => rig.received.length === 1);
    t.match(rig.received[0], { source: double, target: sink(77), data: { type: "cast", payload: "42" } });
    t.ok((rig.received[0]?.created.seconds ?? 0) > 1_000_000_000);
    await agent.patchFunction({ source: double.functionId, outputs: new Map([["result", sink(78)]]) });
    await eventually("rewired", async () => {
      await invocation.handle(cast(SOURCE, double, "4"));
      return rig.payloads(uuid(78)).length > 0;
    });
    await agent.stopFunction(double);
    await eventually("stopped", () => rig.orchestrator.latest(uuid(1))?.instances?.length === 0);
    await invocation.handle(cast(SOURCE, double, "5"));
  },
);

t.test(
  "given two devices and a peer, when functions are chained, then each hop arrives in order",
  async (t) => {
    const rig = await rigFor(t);
    rig.device(1);
    rig.device(2);
    const one = await rig.admit(1);
    const two = await rig.admit(2);
    const last = await run(rig, one, "incr", { result: sink(5) });
    const middle = await run(rig, two, "incr", { result: last });
    const local = await run(rig, two, "incr", { result: middle });
    const invocation = invocationOf(t, rig);
    for (let i = 0; i < 50; i++) await invocation.handle(cast(SOURCE, local, `${i}`));
    await eventually("all", () => rig.received.length >= 50);
    t.same(
      rig.payloads(),
      Array.from({ length: 50 }, (_, i) => `${i + 3}`),
    );
    t.equal(rig.gateway.metrics.drops.size, 0);
    const device = rig.gateway.registry.find(uuid(2));
    const wired = device?.plan.find(local.functionId)?.record.wired;
    t.same(wired, [
      { channel: "result", route: -1, handle: device?.plan.find(middle.functionId)?.record.handle },
    ]);
  },
);

t.test(
  "given calls in both directions, when they are answered, refused or lost, then each caller learns it",
  async (t) => {
    const rig = await rigFor(t, {
      configure: (config) => ({ ...config, devices: { ...config.devices, call_timeout_ms: 600 } }),
    });
    rig.device(1);
    const agent = await rig.admit(1);
    await agent.updatePeers({ type: "add", nodeId: SOURCE.nodeId, invocationUrl: rig.peerUrl });
    const invocation = invocationOf(t, rig);
    const pong = await run(rig, agent, "pong");
    const messaging = await run(rig, agent, "messaging_test");
    await invocation.handle(call(SOURCE, pong, "PING", 5_000_000_001n));
    await invocation.handle(call(SOURCE, messaging, "test_err", 5_000_000_002n));
    await invocation.handle(call(SOURCE, messaging, "nothing", 5_000_000_003n));
    await invocation.handle(call(SOURCE, { ...pong, functionId: uuid(404) }, "lost", 5_000_000_004n));
    const answers = await eventually("answers", () => rig.received.length >= 4 && rig.received);
    const byStream = new Map(answers.map((answer) => [answer.streamId, answer]));
    t.match(byStream.get(5_000_000_001n), {
      source: pong,
      target: SOURCE,
      data: { type: "call-ret", payload: "PONG" },
    });
    t.match(byStream.get(5_000_000_002n)?.data, { type: "err" });
    t.match(byStream.get(5_000_000_003n)?.data, { type: "call-no-ret" });
    t.match(byStream.get(5_000_000_004n)?.data, { type: "err" });

    rig.onEvent = ({ source, target, streamId, data }) => {
      if (data.type !== "call" || data.payload === "PING-1") return;
      const answer = event(target, source, { type: "call-ret", payload: `re: ${data.payload}` }, streamId);
      void invocation.handle(answer);
    };
    const ping = await run(rig, agent, "ping", { ponger: sink(6) });
    const lines = () => rig.gateway.registry.find(uuid(1))?.logs.newest() ?? [];
    await eventually("reply", () => lines().some(({ message }) => message === "reply: re: PING-0"));
    await eventually("goes on after silence", () =>
      lines().some(({ message }) => message === "reply: re: PING-2"),
    );
    t.notOk(lines().some(({ message }) => message === "reply: re: PING-1"));
    t.ok(
      rig.received
        .filter(({ source }) => source.functionId === ping.functionId)
        .every(({ streamId }) => streamId >= 2n ** 32n),
    );
  },
);

t.test(
  "given a device that loses power, when it comes back, then its functions, wiring and state are there again",
  async (t) => {
    const rig = await rigFor(t);
    const board = rig.device(1);
    const agent = await rig.admit(1);
    const nonce = rig.orchestrator.latest(uuid(1))?.nonce;
    const first = await run(rig, agent, "incr", { result: sink(1) });
    const second = await run(rig, agent, "incr", { result: first });
    const stateful = await agent.startFunction({
      ...spawn("state_test", shippedModule("state_test")),
      state: { stateId: uuid(3), policy: "transient" },
    });
    if (!stateful.ok) throw new Error(stateful.error.detail);
    await eventually("runs", () => rig.stateOf(stateful.value) === "running");
    const invocation = invocationOf(t, rig);
    await invocation.handle(cast(SOURCE, stateful.value, "test_cast_raw_output"));
    const device = rig.gateway.registry.find(uuid(1));
    await eventually(
      "state kept",
      () => device?.counters !== undefined && device.hasState(stateful.value.functionId),
    );
    board.powerOff();
    await invocation.handle(cast(SOURCE, second, "1"));
    board.powerOn();
    await eventually("restored", () =>
      device?.plan.instances.every(
        ({ record }) =>
          (record.handle !== undefined && record.wired !== undefined) || record.outputs.length === 0,
      ),
    );
    await invocation.handle(cast(SOURCE, second, "10"));
    await eventually("event", () => rig.payloads().includes("12"));
    await eventually("state given back", () =>
      device?.logs
        .newest()
        .some(({ message, target }) => target === "edgeless_test_state" && message === "new_state"),
    );
    t.equal(rig.orchestrator.latest(uuid(1))?.nonce, nonce, "the node is the same");
    t.same(
      device?.statuses().map(({ state, restarts }) => [state, restarts]),
      [
        ["running", 1],
        ["running", 1],
        ["running", 1],
      ],
    );
  },
);

t.test(
  "given a gateway that is killed, when it starts from its store, then devices go on undisturbed",
  async (t) => {
    const folder = t.testdir();
    const rig = await rigFor(t, { persistencePath: join(folder, "state") });
    const board = rig.device(1);
    const agent = await rig.admit(1);
    const first = await run(rig, agent, "incr", { result: sink(1) });
    const second = await run(rig, agent, "incr", { result: first });
    const before = rig.orchestrator.latest(uuid(1));
    const handles = () => board.device?.instances().map(({ handle }) => handle);
    const former = handles();
    await rig.crashGateway(join(folder, "image"));
    await rig.startGateway(join(folder, "image"));
    const again = await eventually("reported again", () => {
      const update = rig.orchestrator.latest(uuid(1));
      return update !== before && update;
    });
    t.equal(again.nonce, before?.nonce);
    t.equal(again.agentUrl, before?.agentUrl);
    t.same(
      again.instances?.map(({ state, restarts }) => [state, restarts]),
      [
        ["running", 0],
        ["running", 0],
      ],
    );
    const invocation = invocationOf(t, rig);
    await invocation.handle(cast(SOURCE, second, "7"));
    await eventually("event", () => rig.payloads().includes("9"));
    t.same(handles(), former);
    t.equal(
      rig.orchestrator.updates.some(({ refreshDeadline }) => refreshDeadline === 0n),
      false,
      "nobody left",
    );
    await agent.stopFunction(second);
    await eventually("stopped", () => board.device?.instances().length === 1);
  },
);

t.test(
  "given a device that fell silent, when its lifetime is over, then it leaves the domain and returns fresh",
  async (t) => {
    const rig = await rigFor(t);
    const board = rig.device(1, { settings: { lifetimeSeconds: 1 } });
    const agent = await rig.admit(1);
    await run(rig, agent, "incr", { result: sink(1) });
    const nonce = rig.orchestrator.latest(uuid(1))?.nonce;
    rig.network.setConditions({ loss: 1 }, deviceAddress(1));
    await eventually("withdrawn", () => rig.orchestrator.latest(uuid(1))?.refreshDeadline === 0n);
    t.equal(rig.gateway.registry.present, 0);
    t.equal(board.device?.instances().length, 1, "it still runs what it ran");
    rig.network.setConditions({ loss: 0 }, deviceAddress(1));
    const fresh = await rig.admit(1, nonce);
    await eventually("emptied", () => board.device?.instances().length === 0);
    await run(rig, fresh, "incr", { result: sink(1) });
  },
);

t.test(
  "given a function that ends itself, when it crashed, then it is started again with its last state",
  async (t) => {
    const rig = await rigFor(t);
    rig.device(1);
    const agent = await rig.admit(1);
    const counter = await run(rig, agent, "counter", { output: sink(1) }, { "init-payload": "41" });
    await eventually("first value", () => rig.payloads().includes("42"));
    const invocation = invocationOf(t, rig);
    await invocation.handle(cast(SOURCE, counter, "no number"));
    const crashed = await eventually("crash reported", () => {
      const status = rig.orchestrator.latest(uuid(1))?.instances?.[0];
      return status?.state === "crashed" && status;
    });
    t.match(crashed.reason, "EDGELESS_FUNCTION_TRAPPED");
    await eventually("running again", () => rig.stateOf(counter) === "running");
    t.equal(rig.orchestrator.latest(uuid(1))?.instances?.[0]?.restarts, 1);
    await eventually("starts over", () => rig.payloads().filter((text) => text === "42").length === 2);
  },
);

t.test(
  "given what a device cannot run, when it is asked to, then the refusal says why and by how much",
  async (t) => {
    const rig = await rigFor(t);
    rig.device(1, { settings: { maxImageBytes: 5_000, maxInstances: 1 }, resources: ["gpio-out"] });
    const agent = await rig.admit(1);
    const refusal = async (request: ReturnType<typeof spawn>) => {
      const result = await agent.startFunction(request);
      return result.ok ? "accepted" : result.error.detail;
    };
    const large = shippedModule("move_arm");
    t.match(
      await refusal(spawn("move_arm", large)),
      `image: ${large.length} bytes are needed, 5000 are there, ${large.length - 5_000} too few`,
    );
    t.match(
      await refusal(spawn("no_abi", Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))),
      "EDGELESS_WASM_ABI",
    );
    t.match(await refusal(spawn("garbage", Uint8Array.of(1, 2, 3))), "EDGELESS_BAD_WASM");
    const double = spawn("double", shippedModule("double"));
    t.match(
      await refusal({ ...double, code: { ...double.code, functionType: "CONTAINER" } }),
      "available: RUST_WASM",
    );
    const unknown = { classType: "file-log", configuration: new Map(), workflowId: "" };
    t.match(await agent.startResource(unknown), {
      ok: false,
      error: { detail: /no resource class "file-log"/ },
    });
    await run(rig, agent, "double");
    t.match(await refusal(double), "it runs 1 of at most 1 instances");
  },
);

t.test(
  "given a resource on a device, when it is wired to a function on another, then readings arrive",
  async (t) => {
    const rig = await rigFor(t);
    const button = rig.device(1, { resources: ["gpio-in"] });
    const lamp = rig.device(2, { resources: ["gpio-out"] });
    const one = await rig.admit(1);
    const two = await rig.admit(2);
    const output = await two.startResource({
      classType: "gpio-out",
      configuration: new Map([["pin", "D2"]]),
      workflowId: "",
    });
    const input = await one.startResource({
      classType: "gpio-in",
      configuration: new Map([["pin", "D1"]]),
      workflowId: "",
    });
    const bad = await one.startResource({ classType: "gpio-in", configuration: new Map(), workflowId: "" });
    if (!output.ok || !input.ok || !bad.ok) throw new Error("refused");
    await one.patchResource({
      source: input.value.functionId,
      outputs: new Map([["data_out", output.value]]),
    });
    await eventually(
      "running",
      () => rig.stateOf(input.value) === "running" && rig.stateOf(output.value) === "running",
    );
    await eventually("the pressed button lights the lamp", () => {
      button.pins.set("D1", 1);
      return lamp.pins.read("D2") === 1;
    });
    await eventually("configuration refused", () => rig.stateOf(bad.value) === "failed");
    const status = rig.orchestrator.latest(uuid(1))?.instances?.find(({ state }) => state === "failed");
    t.match(status?.reason, "pin");
  },
);

t.test(
  "given an orchestrator that restarts without memory, when it is back, then the devices register again",
  async (t) => {
    const rig = await rigFor(t);
    rig.device(1);
    await rig.admit(1);
    const nonce = rig.orchestrator.latest(uuid(1))?.nonce;
    await rig.restartOrchestrator();
    const again = await eventually("registered again", () => rig.orchestrator.latest(uuid(1)));
    t.equal(again.nonce, nonce);
  },
);
