import type { InvocationApi } from "../core/api.js";
import type { Event } from "../core/event.js";
import { codec } from "./codec.js";
import { type ClientOptions, type Connection, PeerConnection } from "./connection.js";
import { Event as EventMessage } from "./generated/messages.js";
import { FunctionInvocationDefinition } from "./generated/services.js";
import { eventFromMessage, eventToMessage } from "./mapping/event.js";
import { method, nothing } from "./method.js";
import { type Service, STATUSES, serve } from "./service.js";

/** The method of `FunctionInvocation`. */
export const handleMethod = method(
  FunctionInvocationDefinition,
  FunctionInvocationDefinition.methods.handle,
  codec("Event", EventMessage, eventToMessage, eventFromMessage),
  nothing,
);

/** Serves a node to its peers: `FunctionInvocation`. Events reach `api` in the order of their arrival. */
export function invocationService(api: InvocationApi): Service {
  return { methods: [serve(handleMethod, (event) => api.handle(event), STATUSES)] };
}

/** Delivers events to a peer. */
export interface InvocationClient extends Connection {
  /** Resolves when the peer took the event; see {@link PeerConnection.call} for what it throws. */
  handle(event: Event): Promise<void>;
}

/** The data plane of a node at `url`. */
export function connectInvocation(url: string, options: ClientOptions): InvocationClient {
  const peer = new PeerConnection(url, options);
  return { handle: (event) => peer.call(handleMethod, event), close: () => peer.close() };
}
