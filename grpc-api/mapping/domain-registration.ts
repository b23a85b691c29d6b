import type { DomainUpdate, DomainUpdateAnswer, Result } from "../../core/api.js";
import type * as proto from "../generated/messages.js";
import {
  domainCapabilitiesFromMessage,
  domainCapabilitiesToMessage,
  placementNodeFromMessage,
  placementNodeToMessage,
} from "./capabilities.js";
import { responseErrorFromMessage, responseErrorToMessage } from "./response-error.js";
import { componentStatusFromMessage, componentStatusToMessage } from "./status.js";

/** Writes an `UpdateDomainRequest`. */
export function domainUpdateToMessage(update: DomainUpdate): proto.UpdateDomainRequest {
  const { domainId, orchestratorUrl, refreshDeadline, counter, nonce } = update;
  return {
    domainId,
    orchestratorUrl,
    capabilities: domainCapabilitiesToMessage(update.capabilities),
    refreshDeadline,
    counter: update.isSameOffer === true ? 0n : counter,
    nonce,
    components: (update.components ?? []).map(componentStatusToMessage),
    reportsComponents: update.components !== undefined,
    nodes: (update.nodes ?? []).map(placementNodeToMessage),
    reportsNodes: update.nodes !== undefined,
    sameOffer: update.isSameOffer === true ? counter : 0n,
  };
}

/** Reads an `UpdateDomainRequest`. An empty domain id is read as such: refusing it is up to the ε-CON. */
export function domainUpdateFromMessage(message: proto.UpdateDomainRequest): DomainUpdate {
  const { domainId, orchestratorUrl, refreshDeadline, counter, nonce, sameOffer } = message;
  return {
    domainId,
    orchestratorUrl,
    capabilities: domainCapabilitiesFromMessage(message.capabilities),
    refreshDeadline,
    counter: sameOffer > 0n ? sameOffer : counter,
    nonce,
    ...(message.reportsNodes && { nodes: message.nodes.map(placementNodeFromMessage) }),
    ...(message.reportsComponents && { components: message.components.map(componentStatusFromMessage) }),
    ...(sameOffer > 0n && { isSameOffer: true }),
  };
}

/** Writes an `UpdateDomainResponse`. */
export function domainResultToMessage(result: Result<DomainUpdateAnswer>): proto.UpdateDomainResponse {
  return result.ok
    ? { reset: result.value.reset, keepsOffer: result.value.keepsOffer === true }
    : { responseError: responseErrorToMessage(result.error), reset: false, keepsOffer: false };
}

/** Reads an `UpdateDomainResponse`; without an error it means accepted. */
export function domainResultFromMessage(message: proto.UpdateDomainResponse): Result<DomainUpdateAnswer> {
  if (message.responseError === undefined) return { ok: true, value: answerOf(message) };
  return { ok: false, error: responseErrorFromMessage(message.responseError) };
}

function answerOf({ reset, keepsOffer }: proto.UpdateDomainResponse): DomainUpdateAnswer {
  return { reset, ...(keepsOffer && { keepsOffer }) };
}
