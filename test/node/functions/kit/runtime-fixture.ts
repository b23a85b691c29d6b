import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Event, EventData } from "../../../../core/event.js";
import { timestampFromMs } from "../../../../core/event.js";
import type { InstanceId } from "../../../../core/instance-id.js";
import { RUST_WASM, type SpawnFunctionRequest } from "../../../../core/specification.js";
import type { InstanceStatus } from "../../../../core/status.js";
import type { FunctionRuntime } from "../../../../node/functions/function-runtime.js";
import { ROOT } from "../../../kit/repository.js";
import { uuid } from "../../kit/events.js";
import { NODE, PEER, TRACE } from "./host-fixture.js";

/** The module of a shipped function. */
export function shippedModule(id: string): Uint8Array {
  return readFileSync(join(ROOT, "dist", "functions", id, `${id}.wasm`));
}

/** A request to start a function with a state of its own. */
export function request(
  binary: Uint8Array | undefined,
  initPayload?: string,
  state = 0x5,
): SpawnFunctionRequest {
  const code = { id: "demo", functionType: RUST_WASM, version: "0.1", outputs: [] };
  return {
    code: binary === undefined ? code : { ...code, binary },
    annotations: new Map(initPayload === undefined ? [] : [["init-payload", initPayload]]),
    state: { stateId: uuid(state), policy: "node-local" },
    workflowId: "",
  };
}

/** An event of a peer for an instance on this node. */
export function eventTo(target: InstanceId, data: EventData, streamId = 0n): Event {
  return { target, source: PEER, streamId, data, created: timestampFromMs(Date.now()), metadata: TRACE };
}

/** An instance on this node. */
export function local(number: number): InstanceId {
  return { nodeId: NODE, functionId: uuid(number) };
}

/** Where an instance stands. */
export function statusOf(runtime: FunctionRuntime, { functionId }: InstanceId): InstanceStatus | undefined {
  return runtime.statuses().find((status) => status.functionId === functionId);
}

/** Payloads of what was sent, with the kind of event. */
export function texts(events: readonly Event[]): string[] {
  return events.map(({ data }) => ("payload" in data ? `${data.type} ${data.payload}` : data.type));
}
