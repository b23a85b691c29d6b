import type { Migration, Result } from "../../core/api.js";
import type { Uuid } from "../../core/uuid.js";
import type {
  Workflow,
  WorkflowFunction,
  WorkflowInfo,
  WorkflowInstance,
  WorkflowResource,
} from "../../core/workflow.js";
import type * as proto from "../generated/messages.js";
import { required, uuidField } from "./field.js";
import { functionClassFromMessage, functionClassToMessage } from "./functions.js";
import { responseErrorFromMessage, responseErrorToMessage } from "./response-error.js";
import { componentStatusFromMessage, componentStatusToMessage } from "./status.js";

/** Writes a `WorkflowId`. */
export function workflowIdToMessage(workflowId: Uuid): proto.WorkflowId {
  return { workflowId };
}

/** Reads a `WorkflowId`. */
export function workflowIdFromMessage(message: proto.WorkflowId): Uuid {
  return uuidField(message.workflowId, "WorkflowId.workflow_id");
}

/** Writes a `WorkflowIdList`. */
export function workflowIdsToMessage(ids: readonly Uuid[]): proto.WorkflowIdList {
  return { identifiers: ids };
}

/** Reads a `WorkflowIdList`. */
export function workflowIdsFromMessage(message: proto.WorkflowIdList): readonly Uuid[] {
  return message.identifiers.map((id) => uuidField(id, "WorkflowIdList.identifiers"));
}

/** Writes a `SpawnWorkflowRequest`. */
export function workflowToMessage(workflow: Workflow): proto.SpawnWorkflowRequest {
  return {
    workflowFunctions: workflow.functions.map(({ name, functionClass, outputMapping, annotations }) => ({
      name,
      classSpec: functionClassToMessage(functionClass),
      outputMapping: new Map(outputMapping),
      annotations: new Map(annotations),
    })),
    workflowResources: workflow.resources.map(({ name, classType, outputMapping, configurations }) => ({
      name,
      classType,
      outputMapping: new Map(outputMapping),
      configurations: new Map(configurations),
    })),
    annotations: new Map(workflow.annotations),
  };
}

/** Reads a `SpawnWorkflowRequest`; a function without a class is an error, not a function less. */
export function workflowFromMessage(message: proto.SpawnWorkflowRequest): Workflow {
  return {
    functions: message.workflowFunctions.map(functionFromMessage),
    resources: message.workflowResources.map(resourceFromMessage),
    annotations: message.annotations,
  };
}

function functionFromMessage(message: proto.WorkflowFunction): WorkflowFunction {
  const { name, classSpec, outputMapping, annotations } = message;
  const field = `WorkflowFunction.class_spec of "${name.slice(0, 60)}"`;
  return {
    name,
    functionClass: functionClassFromMessage(required(classSpec, field)),
    outputMapping,
    annotations,
  };
}

function resourceFromMessage(message: proto.WorkflowResource): WorkflowResource {
  const { name, classType, outputMapping, configurations } = message;
  return { name, classType, outputMapping, configurations };
}

/** Writes a `WorkflowInstanceStatus`. */
export function workflowInstanceToMessage(instance: WorkflowInstance): proto.WorkflowInstanceStatus {
  return {
    workflowId: workflowIdToMessage(instance.workflowId),
    domainMapping: instance.mapping.map(({ name, logicalId, domainId }) => ({
      name,
      functionId: logicalId,
      domainId,
    })),
    components: instance.statuses.map(componentStatusToMessage),
  };
}

/** Reads a `WorkflowInstanceStatus`. */
export function workflowInstanceFromMessage(message: proto.WorkflowInstanceStatus): WorkflowInstance {
  return {
    workflowId: workflowIdFromMessage(required(message.workflowId, "WorkflowInstanceStatus.workflow_id")),
    mapping: message.domainMapping.map(({ name, functionId, domainId }) => ({
      name,
      logicalId: uuidField(functionId, "WorkflowFunctionMapping.function_id"),
      domainId,
    })),
    statuses: message.components.map(componentStatusFromMessage),
  };
}

/** Writes a `SpawnWorkflowResponse`. */
export function workflowResultToMessage(result: Result<WorkflowInstance>): proto.SpawnWorkflowResponse {
  return result.ok
    ? { workflowStatus: workflowInstanceToMessage(result.value) }
    : { responseError: responseErrorToMessage(result.error) };
}

/** Reads a `SpawnWorkflowResponse`; the status wins when both are there. */
export function workflowResultFromMessage(message: proto.SpawnWorkflowResponse): Result<WorkflowInstance> {
  if (message.workflowStatus !== undefined) {
    return { ok: true, value: workflowInstanceFromMessage(message.workflowStatus) };
  }
  const error = required(message.responseError, "SpawnWorkflowResponse.response_error");
  return { ok: false, error: responseErrorFromMessage(error) };
}

/** Writes a `WorkflowInstanceInfo`. */
export function workflowInfoToMessage(info: WorkflowInfo): proto.WorkflowInstanceInfo {
  return { request: workflowToMessage(info.workflow), status: workflowInstanceToMessage(info.instance) };
}

/** Reads a `WorkflowInstanceInfo`. */
export function workflowInfoFromMessage(message: proto.WorkflowInstanceInfo): WorkflowInfo {
  return {
    workflow: workflowFromMessage(required(message.request, "WorkflowInstanceInfo.request")),
    instance: workflowInstanceFromMessage(required(message.status, "WorkflowInstanceInfo.status")),
  };
}

/** Writes a `MigrateWorkflowRequest`. */
export function migrationToMessage(migration: Migration): proto.MigrateWorkflowRequest {
  return {
    workflowId: workflowIdToMessage(migration.workflowId),
    domainId: { domainId: migration.domainId },
    component: migration.component,
  };
}

/** Reads a `MigrateWorkflowRequest`. */
export function migrationFromMessage(message: proto.MigrateWorkflowRequest): Migration {
  return {
    workflowId: workflowIdFromMessage(required(message.workflowId, "MigrateWorkflowRequest.workflow_id")),
    domainId: required(message.domainId, "MigrateWorkflowRequest.domain_id").domainId,
    component: message.component,
  };
}
