import type { WorkflowApi } from "../core/api.js";
import type { WorkflowInstance } from "../core/workflow.js";
import { codec } from "./codec.js";
import { type ClientOptions, type Connection, PeerConnection } from "./connection.js";
import * as proto from "./generated/messages.js";
import { WorkflowInstanceDefinition } from "./generated/services.js";
import { domainsFromMessage, domainsToMessage } from "./mapping/capabilities.js";
import * as map from "./mapping/workflow.js";
import { method, nothing } from "./method.js";
import { ALWAYS_INTERNAL, inBand, refusal, type Service, serve } from "./service.js";

const service = WorkflowInstanceDefinition;
const rpc = service.methods;
const workflow = codec(
  "SpawnWorkflowRequest",
  proto.SpawnWorkflowRequest,
  map.workflowToMessage,
  map.workflowFromMessage,
);
const workflowId = codec("WorkflowId", proto.WorkflowId, map.workflowIdToMessage, map.workflowIdFromMessage);
const workflowIds = codec(
  "WorkflowIdList",
  proto.WorkflowIdList,
  map.workflowIdsToMessage,
  map.workflowIdsFromMessage,
);
const info = codec(
  "WorkflowInstanceInfo",
  proto.WorkflowInstanceInfo,
  map.workflowInfoToMessage,
  map.workflowInfoFromMessage,
);
const result = codec(
  "SpawnWorkflowResponse",
  proto.SpawnWorkflowResponse,
  map.workflowResultToMessage,
  map.workflowResultFromMessage,
);
const migration = codec(
  "MigrateWorkflowRequest",
  proto.MigrateWorkflowRequest,
  map.migrationToMessage,
  map.migrationFromMessage,
);
const domainId = codec<proto.DomainId, string>(
  "DomainId",
  proto.DomainId,
  (value) => ({ domainId: value }),
  (message) => message.domainId,
);
const domains = codec(
  "DomainCapabilitiesList",
  proto.DomainCapabilitiesList,
  domainsToMessage,
  domainsFromMessage,
);

/** The methods of `WorkflowInstance`. */
export const workflowMethods = {
  start: method(service, rpc.start, workflow, result),
  stop: method(service, rpc.stop, workflowId, nothing),
  list: method(service, rpc.list, nothing, workflowIds),
  inspect: method(service, rpc.inspect, workflowId, info),
  domains: method(service, rpc.domains, domainId, domains),
  migrate: method(service, rpc.migrate, migration, result),
};

/** Serves an ε-CON to clients: `WorkflowInstance`. */
export function workflowService(api: WorkflowApi): Service {
  return {
    methods: [
      serve(
        workflowMethods.start,
        (request) => api.start(request),
        inBand<WorkflowInstance>("Invalid request", "Request rejected"),
      ),
      serve(workflowMethods.stop, (id) => api.stop(id), ALWAYS_INTERNAL),
      serve(workflowMethods.list, () => api.list(), ALWAYS_INTERNAL),
      serve(workflowMethods.inspect, (id) => api.inspect(id), ALWAYS_INTERNAL),
      serve(workflowMethods.domains, (id) => api.domains(id), ALWAYS_INTERNAL),
      serve(workflowMethods.migrate, (request) => api.migrate(request), {
        badRequest: "INTERNAL",
        failure: refusal("Request rejected"),
      }),
    ],
  };
}

/** An ε-CON at `url`; see {@link PeerConnection.call} for what its methods throw. */
export function connectWorkflow(url: string, options: ClientOptions): WorkflowApi & Connection {
  const peer = new PeerConnection(url, options);
  return {
    start: (request) => peer.call(workflowMethods.start, request),
    stop: (id) => peer.call(workflowMethods.stop, id),
    list: () => peer.call(workflowMethods.list, undefined),
    inspect: (id) => peer.call(workflowMethods.inspect, id),
    domains: (id) => peer.call(workflowMethods.domains, id),
    migrate: (request) => peer.call(workflowMethods.migrate, request),
    close: () => peer.close(),
  };
}
