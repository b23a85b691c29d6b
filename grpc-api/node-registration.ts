import type { NodeRegistrationApi, NodeUpdate, Result } from "../core/api.js";
import { type Logger, SILENT } from "../core/log.js";
import { codec } from "./codec.js";
import { type ClientOptions, type Connection, PeerConnection } from "./connection.js";
import { NodeBatch, NodeBatchResponse, UpdateNodeRequest, UpdateNodeResponse } from "./generated/messages.js";
import { NodeRegistrationBatchDefinition, NodeRegistrationDefinition } from "./generated/services.js";
import {
  nodeResultFromMessage,
  nodeResultToMessage,
  nodeUpdateFromMessage,
  nodeUpdateToMessage,
} from "./mapping/node-registration.js";
import { type Method, method } from "./method.js";
import { refusal, type Service, STATUSES, serve } from "./service.js";

/** The method of `NodeRegistration`; its server tells `logger` about ill-formed samples, which it leaves out. */
export function updateNodeMethod(logger: Logger) {
  const request = codec<UpdateNodeRequest, NodeUpdate>(
    "UpdateNodeRequest",
    UpdateNodeRequest,
    nodeUpdateToMessage,
    (message) =>
      nodeUpdateFromMessage(message, (nodeId, dropped) => {
        logger.warn("a node sent ill-formed performance samples, left out", { nodeId, dropped });
      }),
  );
  const answer = codec("UpdateNodeResponse", UpdateNodeResponse, nodeResultToMessage, nodeResultFromMessage);
  return method(NodeRegistrationDefinition, NodeRegistrationDefinition.methods.updateNode, request, answer);
}

/** The method of `NodeRegistrationBatch`, an extension; its messages are lists of encoded updates and answers. */
export const updateNodesMethod: Method<readonly Uint8Array[], readonly Uint8Array[]> = method(
  NodeRegistrationBatchDefinition,
  NodeRegistrationBatchDefinition.methods.updateNodes,
  codec<NodeBatch, readonly Uint8Array[]>(
    "NodeBatch",
    NodeBatch,
    (updates) => ({ updates }),
    (message) => message.updates,
  ),
  codec<NodeBatchResponse, readonly Uint8Array[]>(
    "NodeBatchResponse",
    NodeBatchResponse,
    (answers) => ({ answers }),
    (message) => message.answers,
  ),
);

/**
 * Serves an ε-ORC to nodes: `NodeRegistration`, and the same for many nodes at once.
 * @param logger told about ill-formed samples, which are left out
 */
export function nodeRegistrationService(api: NodeRegistrationApi, logger: Logger = SILENT): Service {
  const one = updateNodeMethod(logger);
  const inBatch = async (bytes: Uint8Array): Promise<Uint8Array> => {
    let result: Result<void>;
    try {
      result = await api.updateNode(one.request.decode(bytes));
    } catch (error) {
      result = refusal("the update of a node failed")(error);
    }
    return one.answer.encode(result);
  };
  return {
    methods: [
      serve(one, (update) => api.updateNode(update), STATUSES),
      serve(updateNodesMethod, (updates) => Promise.all(updates.map(inBatch)), STATUSES),
    ],
  };
}

/** The node register of an ε-ORC at `url`; see {@link PeerConnection.call} for what its method throws. */
export function connectNodeRegistration(
  url: string,
  options: ClientOptions,
): NodeRegistrationApi & Connection {
  const peer = new PeerConnection(url, options);
  const method = updateNodeMethod(SILENT);
  return { updateNode: (update) => peer.call(method, update), close: () => peer.close() };
}
