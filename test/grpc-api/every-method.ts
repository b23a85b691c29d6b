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
import { updateNodeMethod, updateNodesMethod } from "../../grpc-api/node-registration.js";
import { workflowMethods } from "../../grpc-api/workflow.js";
import * as arbitrary from "./arbitraries.js";

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
    ...both(methods.startFunction, arbitrary.spawnFunction, arbitrary.result(id)),
    ...both(methods.stopFunction, id, nothing),
    ...both(methods.patchFunction, arbitrary.patch(id), nothing),
    ...both(methods.startResource, arbitrary.resource, arbitrary.result(id)),
    ...both(methods.stopResource, id, nothing),
    ...both(methods.patchResource, arbitrary.patch(id), nothing),
  ];
}

/** Requests and answers of all methods; those of functions and resources twice, with the ids of both levels. */
export const DIRECTIONS: readonly Direction[] = [
  ...components(componentMethods(physicalIds), arbitrary.instanceId),
  ...components(componentMethods(logicalIds), arbitrary.uuid),
  ...both(managementMethods.updatePeers, arbitrary.peerUpdate, nothing),
  ...both(managementMethods.reset, nothing, nothing),
  ...both(updateNodeMethod(SILENT), arbitrary.nodeUpdate, arbitrary.result(nothing)),
  ...both(updateNodesMethod, arbitrary.eventBatch, arbitrary.eventBatch),
  ...both(updateDomainMethod, arbitrary.domainUpdate, arbitrary.result(arbitrary.domainAnswer)),
  ...both(workflowMethods.start, arbitrary.workflow, arbitrary.result(arbitrary.workflowInstance)),
  ...both(workflowMethods.stop, arbitrary.uuid, nothing),
  ...both(workflowMethods.list, nothing, arbitrary.uuids),
  ...both(workflowMethods.inspect, arbitrary.uuid, arbitrary.workflowInfo),
  ...both(workflowMethods.domains, arbitrary.anyText, arbitrary.domains),
  ...both(workflowMethods.migrate, arbitrary.migration, arbitrary.result(arbitrary.workflowInstance)),
  ...both(handleMethod, arbitrary.event, nothing),
  ...both(handleAllMethod, arbitrary.eventBatch, arbitrary.refusals),
  ...both(guestFunctionMethods.boot, arbitrary.boot, nothing),
  ...both(guestFunctionMethods.init, arbitrary.init, nothing),
  ...both(guestFunctionMethods.cast, arbitrary.input, nothing),
  ...both(guestFunctionMethods.call, arbitrary.input, arbitrary.outcome),
  ...both(guestFunctionMethods.stop, nothing, nothing),
  ...both(guestHostMethods.cast, arbitrary.output, nothing),
  ...both(guestHostMethods.castRaw, arbitrary.rawOutput, nothing),
  ...both(guestHostMethods.call, arbitrary.output, arbitrary.outcome),
  ...both(guestHostMethods.callRaw, arbitrary.rawOutput, arbitrary.outcome),
  ...both(guestHostMethods.telemetryLog, arbitrary.guestLog, nothing),
  ...both(guestHostMethods.slf, nothing, arbitrary.instanceId),
  ...both(guestHostMethods.delayedCast, arbitrary.delayedOutput, nothing),
  ...both(guestHostMethods.sync, arbitrary.guestState, nothing),
];
