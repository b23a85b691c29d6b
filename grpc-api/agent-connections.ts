import type { Agent } from "../core/api.js";
import { authority, parseEndpoint } from "../core/endpoint.js";
import { agentClient, connectAgent } from "./agent.js";
import { type ClientOptions, type Connection, PeerConnection } from "./connection.js";
import { SharedByUrl } from "./shared-by-url.js";

/**
 * Agents of nodes: each over a connection of its own, or those behind one gateway over one connection, where the authority
 * of a call tells which agent is meant.
 */
export class AgentConnections {
  readonly #options: ClientOptions;
  readonly #shared: SharedByUrl<PeerConnection>;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#shared = new SharedByUrl((url) => new PeerConnection(url, options));
  }

  /**
   * The agent at `url`; see {@link PeerConnection.call} for what its methods throw.
   * @param sharedUrl where it is reached beside others; undefined: nowhere
   * @throws EdgelessError EDGELESS_BAD_URL, EDGELESS_BAD_CONFIG
   */
  connect(url: string, sharedUrl: string | undefined): Agent & Connection {
    if (sharedUrl === undefined) return connectAgent(url, this.#options);
    const host = authority(parseEndpoint(url, "agent_url"));
    const { connection, close } = this.#shared.use(sharedUrl);
    return { ...agentClient({ call: (method, request) => connection.call(method, request, host) }), close };
  }
}
