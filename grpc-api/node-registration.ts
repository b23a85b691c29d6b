import type { NodeRegistrationApi, NodeUpdate } from "../core/api.js";
import { type Logger, SILENT } from "../core/log.js";
import { codec } from "./codec.js";
import { type ClientOptions, type Connection, PeerConnection } from "./connection.js";
import { UpdateNodeRequest, UpdateNodeResponse } from "./generated/messages.js";
import { NodeRegistrationDefinition } from "./generated/services.js";
import {
  nodeResultFromMessage,
  nodeResultToMessage,
  nodeUpdateFromMessage,
  nodeUpdateToMessage,
} from "./mapping/node-registration.js";
import { method } from "./method.js";
import { type Service, STATUSES, serve } from "./service.js";

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

/**
 * Serves an ε-ORC to nodes: `NodeRegistration`.
 * @param logger told about ill-formed samples, which are left out
 */
export function nodeRegistrationService(api: NodeRegistrationApi, logger: Logger = SILENT): Service {
  return { methods: [serve(updateNodeMethod(logger), (update) => api.updateNode(update), STATUSES)] };
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
