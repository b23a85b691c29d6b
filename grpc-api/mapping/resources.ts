import type { ResourceProvider, ResourceSpecification } from "../../core/specification.js";
import type * as proto from "../generated/messages.js";
import { nonEmpty } from "./field.js";

/** Writes a `ResourceInstanceSpecification`. */
export function resourceToMessage(resource: ResourceSpecification): proto.ResourceInstanceSpecification {
  return {
    resourceClassType: resource.classType,
    configuration: new Map(resource.configuration),
    workflowId: resource.workflowId,
  };
}

/** Reads a `ResourceInstanceSpecification`; nothing in it is mandatory. */
export function resourceFromMessage(message: proto.ResourceInstanceSpecification): ResourceSpecification {
  return {
    classType: message.resourceClassType,
    configuration: message.configuration,
    workflowId: message.workflowId,
  };
}

/** Writes a `ResourceProviderSpecification`. */
export function providerToMessage(provider: ResourceProvider): proto.ResourceProviderSpecification {
  const { providerId, classType, outputs } = provider;
  return { providerId, classType, outputs };
}

/** Reads a `ResourceProviderSpecification`, whose names must not be empty. */
export function providerFromMessage(message: proto.ResourceProviderSpecification): ResourceProvider {
  return {
    providerId: nonEmpty(message.providerId, "ResourceProviderSpecification.provider_id"),
    classType: nonEmpty(message.classType, "ResourceProviderSpecification.class_type"),
    outputs: message.outputs,
  };
}
