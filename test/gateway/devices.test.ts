import t from "tap";
import { RUST_WASM } from "../../core/specification.js";
import { connectInvocation } from "../../grpc-api/index.js";
import { eventually } from "../kit/eventually.js";
import { shippedModule } from "../kit/guest-driver.js";
import { cast, instance, uuid } from "../node/kit/events.js";
import { GatewayRig, PEER, spawn } from "./kit/gateway-rig.js";

t.setTimeout(120_000);

t.test(
  "given a device, when it registers, then it is a node that runs functions with events both ways",
  async (t) => {
    const rig = await new GatewayRig().start();
    t.teardown(() => rig.stop());
    rig.device(1);
    const agent = await rig.admit(1);
    const update = rig.orchestrator.latest(uuid(1));
    t.match(update?.capabilities, { numCpus: 1, runtimes: [RUST_WASM] });
    t.ok(update?.capabilities.labels.includes("device=board-1"));
    t.equal(update?.nonce, rig.orchestrator.latest(uuid(1))?.nonce);
    const started = await agent.startFunction(spawn("double", shippedModule("double")));
    if (!started.ok) throw new Error(started.error.detail);
    const sink = { nodeId: PEER, functionId: uuid(77) };
    await agent.patchFunction({ source: started.value.functionId, outputs: new Map([["result", sink]]) });
    await eventually("running", () => rig.stateOf(started.value) === "running");
    const invocation = connectInvocation(rig.gateway.invocationUrl, { deadlineMs: 5_000 });
    t.teardown(() => invocation.close());
    await invocation.handle(cast(instance(9, 9), started.value, "21"));
    await eventually("event", () => rig.received.length === 1);
    t.match(rig.received[0], { source: started.value, target: sink, data: { type: "cast", payload: "42" } });
  },
);
