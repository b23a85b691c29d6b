import type { Test } from "tap";
import type { Agent } from "../../../core/api.js";
import type { InstanceId } from "../../../core/instance-id.js";
import { connectInvocation, type InvocationClient } from "../../../grpc-api/index.js";
import { eventually } from "../../kit/eventually.js";
import { shippedModule } from "../../kit/guest-driver.js";
import { instance, uuid } from "../../node/kit/events.js";
import { GatewayRig, PEER, type RigOptions, spawn } from "./gateway-rig.js";

/** Some instance elsewhere. */
export const SOURCE = instance(9, 9);

/** An instance of the gRPC peer. */
export function sink(number: number): InstanceId {
  return { nodeId: PEER, functionId: uuid(number) };
}

export async function rigFor(t: Test, options?: RigOptions): Promise<GatewayRig> {
  const rig = await new GatewayRig(options).start();
  t.teardown(() => rig.stop());
  return rig;
}

export function invocationOf(t: Test, rig: GatewayRig): InvocationClient {
  const client = connectInvocation(rig.gateway.invocationUrl, { deadlineMs: 5_000 });
  t.teardown(() => client.close());
  return client;
}

/** Starts a shipped function, wires it and waits until it runs. */
export async function run(
  rig: GatewayRig,
  agent: Agent,
  name: string,
  outputs: Record<string, InstanceId> = {},
  annotations: Record<string, string> = {},
): Promise<InstanceId> {
  const started = await agent.startFunction(spawn(name, shippedModule(name), annotations));
  if (!started.ok) throw new Error(started.error.detail);
  const source = started.value.functionId;
  await agent.patchFunction({ source, outputs: new Map(Object.entries(outputs)) });
  await eventually(`${name} runs`, () => rig.stateOf(started.value) === "running");
  return started.value;
}
