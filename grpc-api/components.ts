import type { ComponentApi } from "../core/api.js";
import { codec } from "./codec.js";
import type { MethodCaller } from "./connection.js";
import * as proto from "./generated/messages.js";
import { FunctionInstanceDefinition, ResourceConfigurationDefinition } from "./generated/services.js";
import {
  patchFromMessage,
  patchToMessage,
  startResultFromMessage,
  startResultToMessage,
} from "./mapping/components.js";
import { spawnFunctionFromMessage, spawnFunctionToMessage } from "./mapping/functions.js";
import type { IdMapping } from "./mapping/identifiers.js";
import { resourceFromMessage, resourceToMessage } from "./mapping/resources.js";
import { method, nothing } from "./method.js";
import { inBand, type Service, STATUSES, serve } from "./service.js";

/** The methods of `FunctionInstance` and `ResourceConfiguration` with the ids of one level. */
export function componentMethods<Id>(ids: IdMapping<Id>) {
  const functions = FunctionInstanceDefinition;
  const resources = ResourceConfigurationDefinition;
  const spawn = codec(
    "SpawnFunctionRequest",
    proto.SpawnFunctionRequest,
    spawnFunctionToMessage,
    spawnFunctionFromMessage,
  );
  const resource = codec(
    "ResourceInstanceSpecification",
    proto.ResourceInstanceSpecification,
    resourceToMessage,
    resourceFromMessage,
  );
  const id = codec<proto.InstanceIdVariant, Id>(
    "InstanceIdVariant",
    proto.InstanceIdVariant,
    (value) => ids.toVariant(value),
    (message) => ids.fromVariant(message, "InstanceIdVariant"),
  );
  const patch = codec<proto.PatchRequest, Parameters<ComponentApi<Id>["patchFunction"]>[0]>(
    "PatchRequest",
    proto.PatchRequest,
    (value) => patchToMessage(value, ids),
    (message) => patchFromMessage(message, ids),
  );
  const started = codec<proto.StartComponentResponse, Awaited<ReturnType<ComponentApi<Id>["startFunction"]>>>(
    "StartComponentResponse",
    proto.StartComponentResponse,
    (value) => startResultToMessage(value, ids),
    (message) => startResultFromMessage(message, ids),
  );
  return {
    startFunction: method(functions, functions.methods.start, spawn, started),
    stopFunction: method(functions, functions.methods.stop, id, nothing),
    patchFunction: method(functions, functions.methods.patch, patch, nothing),
    startResource: method(resources, resources.methods.start, resource, started),
    stopResource: method(resources, resources.methods.stop, id, nothing),
    patchResource: method(resources, resources.methods.patch, patch, nothing),
  };
}

/** Serves `FunctionInstance` and `ResourceConfiguration` with the ids of one level. */
export function componentServices<Id>(api: ComponentApi<Id>, ids: IdMapping<Id>): Service[] {
  const methods = componentMethods(ids);
  const functionFaults = inBand<Id>(
    "Invalid function instance creation request",
    "Function instance creation request rejected",
  );
  const resourceFaults = inBand<Id>("Invalid resource specification", "Resource creation rejected");
  return [
    {
      methods: [
        serve(methods.startFunction, (request) => api.startFunction(request), functionFaults),
        serve(methods.stopFunction, (id) => api.stopFunction(id), STATUSES),
        serve(methods.patchFunction, (patch) => api.patchFunction(patch), STATUSES),
      ],
    },
    {
      methods: [
        serve(methods.startResource, (resource) => api.startResource(resource), resourceFaults),
        serve(methods.stopResource, (id) => api.stopResource(id), STATUSES),
        serve(methods.patchResource, (patch) => api.patchResource(patch), STATUSES),
      ],
    },
  ];
}

/** The two services of a peer, with the ids of one level. */
export function componentClient<Id>(peer: MethodCaller, ids: IdMapping<Id>): ComponentApi<Id> {
  const methods = componentMethods(ids);
  return {
    startFunction: (request) => peer.call(methods.startFunction, request),
    stopFunction: (id) => peer.call(methods.stopFunction, id),
    patchFunction: (patch) => peer.call(methods.patchFunction, patch),
    startResource: (resource) => peer.call(methods.startResource, resource),
    stopResource: (id) => peer.call(methods.stopResource, id),
    patchResource: (patch) => peer.call(methods.patchResource, patch),
  };
}
