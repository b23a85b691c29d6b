import type { DomainRegistrationApi } from "../core/api.js";
import { codec } from "./codec.js";
import { type ClientOptions, type Connection, PeerConnection } from "./connection.js";
import { UpdateDomainRequest, UpdateDomainResponse } from "./generated/messages.js";
import { DomainRegistrationDefinition } from "./generated/services.js";
import {
  domainResultFromMessage,
  domainResultToMessage,
  domainUpdateFromMessage,
  domainUpdateToMessage,
} from "./mapping/domain-registration.js";
import { method } from "./method.js";
import { type Service, STATUSES, serve } from "./service.js";

/** The method of `DomainRegistration`. */
export const updateDomainMethod = method(
  DomainRegistrationDefinition,
  DomainRegistrationDefinition.methods.updateDomain,
  codec("UpdateDomainRequest", UpdateDomainRequest, domainUpdateToMessage, domainUpdateFromMessage),
  codec("UpdateDomainResponse", UpdateDomainResponse, domainResultToMessage, domainResultFromMessage),
);

/** Serves an ε-CON to ε-ORCs: `DomainRegistration`. */
export function domainRegistrationService(api: DomainRegistrationApi): Service {
  return { methods: [serve(updateDomainMethod, (update) => api.updateDomain(update), STATUSES)] };
}

/** The domain register of an ε-CON at `url`; see {@link PeerConnection.call} for what its method throws. */
export function connectDomainRegistration(
  url: string,
  options: ClientOptions,
): DomainRegistrationApi & Connection {
  const peer = new PeerConnection(url, options);
  return { updateDomain: (update) => peer.call(updateDomainMethod, update), close: () => peer.close() };
}
