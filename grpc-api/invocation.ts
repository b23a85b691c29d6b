import type { InvocationApi } from "../core/api.js";
import type { Event } from "../core/event.js";
import { systemClock } from "../platform/system-clock.js";
import { type ClientOptions, type Connection, PeerConnection } from "./connection.js";
import { handleAll, handleAllMethod } from "./event-batch.js";
import { EventSender } from "./event-sender.js";
import { handleMethod } from "./invocation-method.js";
import { type Service, STATUSES, serve } from "./service.js";

/** Serves a node to its peers: `FunctionInvocation`. Events reach `api` in the order of their arrival. */
export function invocationService(api: InvocationApi): Service {
  return {
    methods: [
      serve(handleMethod, (event) => api.handle(event), STATUSES),
      serve(handleAllMethod, (events) => handleAll(api, events), STATUSES),
    ],
  };
}

/** Delivers events to a peer. */
export interface InvocationClient extends Connection {
  /**
   * Resolves when the peer took the event. Events reach the wire in the order of the calls, however many are in flight;
   * a peer of this project takes them in that order, a Rust peer may exchange neighbours.
   * @throws EdgelessError as {@link PeerConnection.call}
   */
  handle(event: Event): Promise<void>;
}

/** The data plane of a node at `url`. */
export function connectInvocation(url: string, options: ClientOptions): InvocationClient {
  const peer = new PeerConnection(url, options);
  const sender = new EventSender(peer, options.clock ?? systemClock, options.deadlineMs);
  return {
    handle: async (event) => sender.send(handleMethod.request.encode(event)),
    close: () => peer.close(),
  };
}
