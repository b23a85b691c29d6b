import type { OrchestratorApi } from "../core/api.js";
import { componentClient, componentServices } from "./components.js";
import { type ClientOptions, type Connection, PeerConnection } from "./connection.js";
import { logicalIds } from "./mapping/identifiers.js";
import type { Service } from "./service.js";

/** Serves an ε-ORC to its ε-CON: `FunctionInstance` and `ResourceConfiguration` with logical ids. */
export function orchestratorServices(api: OrchestratorApi): Service[] {
  return componentServices(api, logicalIds);
}

/** An ε-ORC at `url`; see {@link PeerConnection.call} for what its methods throw. */
export function connectOrchestrator(url: string, options: ClientOptions): OrchestratorApi & Connection {
  const peer = new PeerConnection(url, options);
  return { ...componentClient(peer, logicalIds), close: () => peer.close() };
}
