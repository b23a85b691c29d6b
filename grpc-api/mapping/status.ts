import type { ComponentState, ComponentStatus, InstanceStatus } from "../../core/status.js";
import * as proto from "../generated/messages.js";
import { uuidField } from "./field.js";
import { instanceIdFromMessage, instanceIdToMessage } from "./identifiers.js";
import { toUint32 } from "./number.js";

const STATE_TO_PROTO: Readonly<Record<ComponentState, proto.ComponentState>> = {
  unknown: proto.ComponentState.COMPONENT_UNKNOWN,
  pending: proto.ComponentState.COMPONENT_PENDING,
  starting: proto.ComponentState.COMPONENT_STARTING,
  running: proto.ComponentState.COMPONENT_RUNNING,
  crashed: proto.ComponentState.COMPONENT_CRASHED,
  failed: proto.ComponentState.COMPONENT_FAILED,
};

const STATE_FROM_PROTO: ReadonlyMap<proto.ComponentState, ComponentState> = new Map(
  (Object.keys(STATE_TO_PROTO) as ComponentState[]).map((state) => [STATE_TO_PROTO[state], state]),
);

/** Writes an `InstanceStatus`, an extension. */
export function instanceStatusToMessage(status: InstanceStatus): proto.InstanceStatus {
  const { functionId, state, restarts, reason } = status;
  return { functionId, state: STATE_TO_PROTO[state], restarts: toUint32(restarts), reason };
}

/** Reads an `InstanceStatus`; a state of a later version is `unknown`. */
export function instanceStatusFromMessage(message: proto.InstanceStatus): InstanceStatus {
  return {
    functionId: uuidField(message.functionId, "InstanceStatus.function_id"),
    state: STATE_FROM_PROTO.get(message.state) ?? "unknown",
    restarts: message.restarts,
    reason: message.reason,
  };
}

/** Writes a `ComponentStatus`, an extension. */
export function componentStatusToMessage(status: ComponentStatus): proto.ComponentStatus {
  const { logicalId, state, instance, restarts, reason } = status;
  return {
    logicalId,
    state: STATE_TO_PROTO[state],
    instance: instance && instanceIdToMessage(instance),
    restarts: toUint32(restarts),
    reason,
  };
}

/** Reads a `ComponentStatus`; a state of a later version is `unknown`. */
export function componentStatusFromMessage(message: proto.ComponentStatus): ComponentStatus {
  const { instance } = message;
  return {
    logicalId: uuidField(message.logicalId, "ComponentStatus.logical_id"),
    state: STATE_FROM_PROTO.get(message.state) ?? "unknown",
    ...(instance && { instance: instanceIdFromMessage(instance, "ComponentStatus.instance") }),
    restarts: message.restarts,
    reason: message.reason,
  };
}
