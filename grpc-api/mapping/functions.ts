import type {
  FunctionClass,
  SpawnFunctionRequest,
  StatePolicy,
  StateSpecification,
} from "../../core/specification.js";
import * as proto from "../generated/messages.js";
import { required, uuidField } from "./field.js";

const NO_BYTES = new Uint8Array(0);

/** Writes a `FunctionClassSpecification`; absent code and bytes travel as empty ones. */
export function functionClassToMessage(functionClass: FunctionClass): proto.FunctionClassSpecification {
  const { id, functionType, version, binary, code, outputs } = functionClass;
  return { id, functionType, version, binary: binary ?? NO_BYTES, code: code ?? "", outputs };
}

/** Reads a `FunctionClassSpecification`; empty code and bytes mean absent. */
export function functionClassFromMessage(message: proto.FunctionClassSpecification): FunctionClass {
  const { id, functionType, version, binary, code, outputs } = message;
  return {
    id,
    functionType,
    version,
    ...(binary.length > 0 && { binary }),
    ...(code !== "" && { code }),
    outputs,
  };
}

const POLICY_TO_PROTO: Readonly<Record<StatePolicy, proto.StatePolicy>> = {
  transient: proto.StatePolicy.TRANSIENT,
  "node-local": proto.StatePolicy.NODE_LOCAL,
  global: proto.StatePolicy.GLOBAL,
};

/** An unknown policy is transient, as in the Rust programs. */
function policyFromMessage(policy: proto.StatePolicy): StatePolicy {
  if (policy === proto.StatePolicy.NODE_LOCAL) return "node-local";
  return policy === proto.StatePolicy.GLOBAL ? "global" : "transient";
}

function stateFromMessage(message: proto.StateSpecification): StateSpecification {
  return {
    stateId: uuidField(message.stateId, "StateSpecification.state_id"),
    policy: policyFromMessage(message.policy),
  };
}

/** Writes a `SpawnFunctionRequest`. */
export function spawnFunctionToMessage(request: SpawnFunctionRequest): proto.SpawnFunctionRequest {
  const { stateId, policy } = request.state;
  return {
    code: functionClassToMessage(request.code),
    annotations: new Map(request.annotations),
    stateSpecification: { stateId, policy: POLICY_TO_PROTO[policy] },
    workflowId: request.workflowId,
  };
}

/** Reads a `SpawnFunctionRequest`. */
export function spawnFunctionFromMessage(message: proto.SpawnFunctionRequest): SpawnFunctionRequest {
  return {
    code: functionClassFromMessage(required(message.code, "SpawnFunctionRequest.code")),
    annotations: message.annotations,
    state: stateFromMessage(required(message.stateSpecification, "SpawnFunctionRequest.state_specification")),
    workflowId: message.workflowId,
  };
}
