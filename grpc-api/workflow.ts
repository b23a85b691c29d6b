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

const METHODS = {
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
        METHODS.start,
        (request) => api.start(request),
        inBand<WorkflowInstance>("Invalid request", "Request rejected"),
      ),
      serve(METHODS.stop, (id) => api.stop(id), ALWAYS_INTERNAL),
      serve(METHODS.list, () => api.list(), ALWAYS_INTERNAL),
      serve(METHODS.inspect, (id) => api.inspect(id), ALWAYS_INTERNAL),
      serve(METHODS.domains, (id) => api.domains(id), ALWAYS_INTERNAL),
      serve(METHODS.migrate, (request) => api.migrate(request), {
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
    start: (request) => peer.call(METHODS.start, request),
    stop: (id) => peer.call(METHODS.stop, id),
    list: () => peer.call(METHODS.list, undefined),
    inspect: (id) => peer.call(METHODS.inspect, id),
    domains: (id) => peer.call(METHODS.domains, id),
    migrate: (request) => peer.call(METHODS.migrate, request),
    close: () => peer.close(),
  };
}
