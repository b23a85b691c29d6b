import fc from "fast-check";
import { SILENT } from "../../core/log.js";
import { managementMethods } from "../../grpc-api/agent.js";
import type { Codec } from "../../grpc-api/codec.js";
import { componentMethods } from "../../grpc-api/components.js";
import { updateDomainMethod } from "../../grpc-api/domain-registration.js";
import { handleAllMethod } from "../../grpc-api/event-batch.js";
import { guestFunctionMethods } from "../../grpc-api/guest-function.js";
import { guestHostMethods } from "../../grpc-api/guest-host.js";
import { handleMethod } from "../../grpc-api/invocation-method.js";
import { logicalIds, physicalIds } from "../../grpc-api/mapping/identifiers.js";
import type { Method } from "../../grpc-api/method.js";
import { updateNodeMethod } from "../../grpc-api/node-registration.js";
import { workflowMethods } from "../../grpc-api/workflow.js";
import * as any from "./arbitraries.js";

/** One direction of one method, with the values that can travel there. */
export interface Direction {
  readonly path: string;
  readonly name: string;
  /** Encodes and decodes again. */
  readonly trip: (value: unknown) => unknown;
  readonly encode: (value: unknown) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
  readonly values: fc.Arbitrary<unknown>;
}

function direction<T>(path: string, name: string, codec: Codec<T>, values: fc.Arbitrary<T>): Direction {
  const encode = (value: unknown) => codec.encode(value as T);
  const decode = (bytes: Uint8Array) => codec.decode(bytes);
  return { path, name: `${path} ${name}`, trip: (value) => decode(encode(value)), encode, decode, values };
}

function both<Q, A>(method: Method<Q, A>, request: fc.Arbitrary<Q>, answer: fc.Arbitrary<A>): Direction[] {
  return [
    direction(method.path, "request", method.request, request),
    direction(method.path, "answer", method.answer, answer),
  ];
}

const nothing = fc.constant(undefined);

function components<Id>(methods: ReturnType<typeof componentMethods<Id>>, id: fc.Arbitrary<Id>): Direction[] {
  return [
    ...both(methods.startFunction, any.spawnFunction, any.result(id)),
    ...both(methods.stopFunction, id, nothing),
    ...both(methods.patchFunction, any.patch(id), nothing),
    ...both(methods.startResource, any.resource, any.result(id)),
    ...both(methods.stopResource, id, nothing),
    ...both(methods.patchResource, any.patch(id), nothing),
  ];
}

/** Requests and answers of all methods; those of functions and resources twice, with the ids of both levels. */
export const DIRECTIONS: readonly Direction[] = [
  ...components(componentMethods(physicalIds), any.instanceId),
  ...components(componentMethods(logicalIds), any.uuid),
  ...both(managementMethods.updatePeers, any.peerUpdate, nothing),
  ...both(managementMethods.reset, nothing, nothing),
  ...both(updateNodeMethod(SILENT), any.nodeUpdate, any.result(nothing)),
  ...both(updateDomainMethod, any.domainUpdate, any.result(any.domainAnswer)),
  ...both(workflowMethods.start, any.workflow, any.result(any.workflowInstance)),
  ...both(workflowMethods.stop, any.uuid, nothing),
  ...both(workflowMethods.list, nothing, any.uuids),
  ...both(workflowMethods.inspect, any.uuid, any.workflowInfo),
  ...both(workflowMethods.domains, any.anyText, any.domains),
  ...both(workflowMethods.migrate, any.migration, any.result(any.workflowInstance)),
  ...both(handleMethod, any.event, nothing),
  ...both(handleAllMethod, any.eventBatch, any.refusals),
  ...both(guestFunctionMethods.boot, any.boot, nothing),
  ...both(guestFunctionMethods.init, any.init, nothing),
  ...both(guestFunctionMethods.cast, any.input, nothing),
  ...both(guestFunctionMethods.call, any.input, any.outcome),
  ...both(guestFunctionMethods.stop, nothing, nothing),
  ...both(guestHostMethods.cast, any.output, nothing),
  ...both(guestHostMethods.castRaw, any.rawOutput, nothing),
  ...both(guestHostMethods.call, any.output, any.outcome),
  ...both(guestHostMethods.callRaw, any.rawOutput, any.outcome),
  ...both(guestHostMethods.telemetryLog, any.guestLog, nothing),
  ...both(guestHostMethods.slf, nothing, any.instanceId),
  ...both(guestHostMethods.delayedCast, any.delayedOutput, nothing),
  ...both(guestHostMethods.sync, any.guestState, nothing),
];
