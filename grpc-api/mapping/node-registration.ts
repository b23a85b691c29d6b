import type { NodeUpdate, Result } from "../../core/api.js";
import type * as proto from "../generated/messages.js";
import { nodeCapabilitiesFromMessage, nodeCapabilitiesToMessage } from "./capabilities.js";
import { uuidField } from "./field.js";
import { healthFromMessage, healthToMessage } from "./health.js";
import { providerFromMessage, providerToMessage } from "./resources.js";
import { responseErrorFromMessage, responseErrorToMessage } from "./response-error.js";
import { samplesFromMessage, samplesToMessage } from "./samples.js";
import { instanceStatusFromMessage, instanceStatusToMessage } from "./status.js";

/** Writes an `UpdateNodeRequest`. */
export function nodeUpdateToMessage(update: NodeUpdate): proto.UpdateNodeRequest {
  const { nodeId, agentUrl, invocationUrl, refreshDeadline, nonce } = update;
  return {
    nodeId,
    agentUrl,
    invocationUrl,
    resourceProviders: update.resourceProviders.map(providerToMessage),
    capabilities: nodeCapabilitiesToMessage(update.capabilities),
    refreshDeadline,
    nonce,
    healthStatus: healthToMessage(update.health),
    performanceSamples: samplesToMessage(update.samples),
    instances: (update.instances ?? []).map(instanceStatusToMessage),
    reportsInstances: update.instances !== undefined,
    ...(update.gateway && { gateway: update.gateway }),
  };
}

/**
 * Reads an `UpdateNodeRequest`.
 * @param onDropped told how many ill-formed samples were left out, if any
 */
export function nodeUpdateFromMessage(
  message: proto.UpdateNodeRequest,
  onDropped?: (nodeId: string, count: number) => void,
): NodeUpdate {
  const { agentUrl, invocationUrl, refreshDeadline, nonce } = message;
  const nodeId = uuidField(message.nodeId, "UpdateNodeRequest.node_id");
  const { samples, dropped } = samplesFromMessage(message.performanceSamples);
  if (dropped > 0) onDropped?.(nodeId, dropped);
  return {
    nodeId,
    agentUrl,
    invocationUrl,
    resourceProviders: message.resourceProviders.map(providerFromMessage),
    capabilities: nodeCapabilitiesFromMessage(message.capabilities),
    refreshDeadline,
    nonce,
    health: healthFromMessage(message.healthStatus),
    samples,
    ...(message.reportsInstances && { instances: message.instances.map(instanceStatusFromMessage) }),
    ...(message.gateway && { gateway: message.gateway }),
  };
}

/** Writes an `UpdateNodeResponse`. */
export function nodeResultToMessage(result: Result<void>): proto.UpdateNodeResponse {
  return result.ok ? {} : { responseError: responseErrorToMessage(result.error) };
}

/** Reads an `UpdateNodeResponse`; without an error it means accepted. */
export function nodeResultFromMessage(message: proto.UpdateNodeResponse): Result<void> {
  if (message.responseError === undefined) return { ok: true, value: undefined };
  return { ok: false, error: responseErrorFromMessage(message.responseError) };
}
