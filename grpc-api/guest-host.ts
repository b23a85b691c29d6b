import type { GuestHostApi } from "../core/guest-api.js";
import type { InstanceId } from "../core/instance-id.js";
import { codec } from "./codec.js";
import { type ClientOptions, type Connection, PeerConnection } from "./connection.js";
import * as proto from "./generated/messages.js";
import { GuestAPIHostDefinition } from "./generated/services.js";
import * as map from "./mapping/guest-api.js";
import { instanceIdFromMessage, instanceIdToMessage } from "./mapping/identifiers.js";
import { method, nothing } from "./method.js";
import { type Service, STATUSES, serve } from "./service.js";

const service = GuestAPIHostDefinition;
const rpc = service.methods;
const output = codec("OutputEventData", proto.OutputEventData, map.outputToMessage, map.outputFromMessage);
const rawOutput = codec(
  "OutputEventDataRaw",
  proto.OutputEventDataRaw,
  map.rawOutputToMessage,
  map.rawOutputFromMessage,
);
const outcome = codec("CallReturn", proto.CallReturn, map.outcomeToMessage, map.outcomeFromMessage);
const log = codec("TelemetryLogEvent", proto.TelemetryLogEvent, map.logToMessage, map.logFromMessage);
const delayed = codec(
  "DelayedEventData",
  proto.DelayedEventData,
  map.delayedOutputToMessage,
  map.delayedOutputFromMessage,
);
const state = codec("SyncData", proto.SyncData, map.stateToMessage, map.stateFromMessage);
const ownId = codec<proto.InstanceId, InstanceId>(
  "InstanceId",
  proto.InstanceId,
  instanceIdToMessage,
  (message) => instanceIdFromMessage(message, "InstanceId"),
);

/** The methods of `GuestAPIHost`. */
export const guestHostMethods = {
  cast: method(service, rpc.cast, output, nothing),
  castRaw: method(service, rpc.castRaw, rawOutput, nothing),
  call: method(service, rpc.call, output, outcome),
  callRaw: method(service, rpc.callRaw, rawOutput, outcome),
  telemetryLog: method(service, rpc.telemetryLog, log, nothing),
  slf: method(service, rpc.slf, nothing, ownId),
  delayedCast: method(service, rpc.delayedCast, delayed, nothing),
  sync: method(service, rpc.sync, state, nothing),
};

/** Serves a node to its functions in containers: `GuestAPIHost`. */
export function guestHostService(api: GuestHostApi): Service {
  return {
    methods: [
      serve(guestHostMethods.cast, (request) => api.cast(request), STATUSES),
      serve(guestHostMethods.castRaw, (request) => api.castRaw(request), STATUSES),
      serve(guestHostMethods.call, (request) => api.call(request), STATUSES),
      serve(guestHostMethods.callRaw, (request) => api.callRaw(request), STATUSES),
      serve(guestHostMethods.telemetryLog, (request) => api.telemetryLog(request), STATUSES),
      serve(guestHostMethods.slf, () => api.slf(), STATUSES),
      serve(guestHostMethods.delayedCast, (request) => api.delayedCast(request), STATUSES),
      serve(guestHostMethods.sync, (request) => api.sync(request), STATUSES),
    ],
  };
}

/** The node of a function in a container, at `url`; see {@link PeerConnection.call} for what its methods throw. */
export function connectGuestHost(url: string, options: ClientOptions): GuestHostApi & Connection {
  const peer = new PeerConnection(url, options);
  return {
    cast: (request) => peer.call(guestHostMethods.cast, request),
    castRaw: (request) => peer.call(guestHostMethods.castRaw, request),
    call: (request) => peer.call(guestHostMethods.call, request),
    callRaw: (request) => peer.call(guestHostMethods.callRaw, request),
    telemetryLog: (request) => peer.call(guestHostMethods.telemetryLog, request),
    slf: () => peer.call(guestHostMethods.slf, undefined),
    delayedCast: (request) => peer.call(guestHostMethods.delayedCast, request),
    sync: (request) => peer.call(guestHostMethods.sync, request),
    close: () => peer.close(),
  };
}
