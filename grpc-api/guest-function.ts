import type { GuestFunctionApi } from "../core/guest-api.js";
import { codec } from "./codec.js";
import { type ClientOptions, type Connection, PeerConnection } from "./connection.js";
import * as proto from "./generated/messages.js";
import { GuestAPIFunctionDefinition } from "./generated/services.js";
import * as map from "./mapping/guest-api.js";
import { method, nothing } from "./method.js";
import { type Service, STATUSES, serve } from "./service.js";

const service = GuestAPIFunctionDefinition;
const rpc = service.methods;
const boot = codec("BootData", proto.BootData, map.bootToMessage, map.bootFromMessage);
const init = codec(
  "FunctionInstanceInit",
  proto.FunctionInstanceInit,
  map.initToMessage,
  map.initFromMessage,
);
const input = codec("InputEventData", proto.InputEventData, map.inputToMessage, map.inputFromMessage);
const outcome = codec("CallReturn", proto.CallReturn, map.outcomeToMessage, map.outcomeFromMessage);

/** The methods of `GuestAPIFunction`. */
export const guestFunctionMethods = {
  boot: method(service, rpc.boot, boot, nothing),
  init: method(service, rpc.init, init, nothing),
  cast: method(service, rpc.cast, input, nothing),
  call: method(service, rpc.call, input, outcome),
  stop: method(service, rpc.stop, nothing, nothing),
};

/** Serves a function in a container to its node: `GuestAPIFunction`. */
export function guestFunctionService(api: GuestFunctionApi): Service {
  return {
    methods: [
      serve(guestFunctionMethods.boot, (request) => api.boot(request), STATUSES),
      serve(guestFunctionMethods.init, (request) => api.init(request), STATUSES),
      serve(guestFunctionMethods.cast, (request) => api.cast(request), STATUSES),
      serve(guestFunctionMethods.call, (request) => api.call(request), STATUSES),
      serve(guestFunctionMethods.stop, () => api.stop(), STATUSES),
    ],
  };
}

/** A function in a container at `url`; see {@link PeerConnection.call} for what its methods throw. */
export function connectGuestFunction(url: string, options: ClientOptions): GuestFunctionApi & Connection {
  const peer = new PeerConnection(url, options);
  return {
    boot: (request) => peer.call(guestFunctionMethods.boot, request),
    init: (request) => peer.call(guestFunctionMethods.init, request),
    cast: (request) => peer.call(guestFunctionMethods.cast, request),
    call: (request) => peer.call(guestFunctionMethods.call, request),
    stop: () => peer.call(guestFunctionMethods.stop, undefined),
    close: () => peer.close(),
  };
}
