import type { Patch, Result } from "../../core/api.js";
import type * as proto from "../generated/messages.js";
import { required, uuidField } from "./field.js";
import type { IdMapping } from "./identifiers.js";
import { responseErrorFromMessage, responseErrorToMessage } from "./response-error.js";

/** Writes a `StartComponentResponse`. */
export function startResultToMessage<Id>(
  result: Result<Id>,
  ids: IdMapping<Id>,
): proto.StartComponentResponse {
  return result.ok
    ? { instanceId: ids.toVariant(result.value) }
    : { responseError: responseErrorToMessage(result.error) };
}

/** Reads a `StartComponentResponse`; the id wins when both are there. */
export function startResultFromMessage<Id>(
  message: proto.StartComponentResponse,
  ids: IdMapping<Id>,
): Result<Id> {
  if (message.instanceId !== undefined) {
    return { ok: true, value: ids.fromVariant(message.instanceId, "StartComponentResponse.instance_id") };
  }
  const error = required(message.responseError, "StartComponentResponse.response_error");
  return { ok: false, error: responseErrorFromMessage(error) };
}

/** Writes a `PatchRequest`. */
export function patchToMessage<Id>(patch: Patch<Id>, ids: IdMapping<Id>): proto.PatchRequest {
  const outputMapping = new Map<string, proto.InstanceId>();
  for (const [channel, target] of patch.outputs) outputMapping.set(channel, ids.toTarget(target));
  return { functionId: patch.source, outputMapping };
}

/** Reads a `PatchRequest`; a target that is no id spoils all of it, because a patch replaces the whole wiring. */
export function patchFromMessage<Id>(message: proto.PatchRequest, ids: IdMapping<Id>): Patch<Id> {
  const outputs = new Map<string, Id>();
  for (const [channel, target] of message.outputMapping) {
    outputs.set(channel, ids.fromTarget(target, `PatchRequest.output_mapping["${channel.slice(0, 60)}"]`));
  }
  return { source: uuidField(message.functionId, "PatchRequest.function_id"), outputs };
}
