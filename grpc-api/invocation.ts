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
   * Resolves when the peer took the event. The peer takes the events for one instance in the order of the calls, a peer
   * of this project those for all instances, however many are in flight.
   * @throws EdgelessError as {@link PeerConnection.call}
   */
  handle(event: Event): Promise<void>;
}

/** The data plane of a node at `url`. */
export function connectInvocation(url: string, options: ClientOptions): InvocationClient {
  const peer = new PeerConnection(url, options);
  const sender = new EventSender(peer, options.clock ?? systemClock, options.deadlineMs);
  return {
    handle: async (event) => sender.send(handleMethod.request.encode(event), event.target.functionId),
    close: () => peer.close(),
  };
}
