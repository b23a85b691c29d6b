import type { Agent } from "../core/api.js";
import { codec } from "./codec.js";
import { componentClient, componentServices } from "./components.js";
import { type ClientOptions, type Connection, type MethodCaller, PeerConnection } from "./connection.js";
import { UpdatePeersRequest } from "./generated/messages.js";
import { NodeManagementDefinition } from "./generated/services.js";
import { physicalIds } from "./mapping/identifiers.js";
import { peerUpdateFromMessage, peerUpdateToMessage } from "./mapping/node-management.js";
import { method, nothing } from "./method.js";
import { type Service, STATUSES, serve } from "./service.js";

const { updatePeers, reset } = NodeManagementDefinition.methods;
const update = codec("UpdatePeersRequest", UpdatePeersRequest, peerUpdateToMessage, peerUpdateFromMessage);
/** The methods of `NodeManagement`. */
export const managementMethods = {
  updatePeers: method(NodeManagementDefinition, updatePeers, update, nothing),
  reset: method(NodeManagementDefinition, reset, nothing, nothing),
};

/** Serves a node to its ε-ORC: `FunctionInstance`, `ResourceConfiguration`, `NodeManagement`. */
export function agentServices(agent: Agent): Service[] {
  const management = {
    methods: [
      serve(managementMethods.updatePeers, (peers) => agent.updatePeers(peers), STATUSES),
      serve(managementMethods.reset, () => agent.reset(), STATUSES),
    ],
  };
  return [...componentServices(agent, physicalIds), management];
}

/** A node's agent at `url`; see {@link PeerConnection.call} for what its methods throw. */
export function connectAgent(url: string, options: ClientOptions): Agent & Connection {
  const peer = new PeerConnection(url, options);
  return { ...agentClient(peer), close: () => peer.close() };
}

/** A node's agent behind a caller. */
export function agentClient(peer: MethodCaller): Agent {
  return {
    ...componentClient(peer, physicalIds),
    updatePeers: (peers) => peer.call(managementMethods.updatePeers, peers),
    reset: () => peer.call(managementMethods.reset, undefined),
  };
}
