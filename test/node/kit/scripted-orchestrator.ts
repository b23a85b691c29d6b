import type { Agent, NodeUpdate, Result } from "../../../core/api.js";
import type { Uuid } from "../../../core/uuid.js";
import {
  type Connection,
  connectAgent,
  nodeRegistrationService,
  type RunningServer,
  startServer,
} from "../../../grpc-api/index.js";
import { eventually } from "../../kit/eventually.js";

const LONG_MS = 10_000;

/** An ε-ORC that only keeps what nodes tell it; a test calls their agents itself. */
export class ScriptedOrchestrator {
  /** Every update in the order of arrival. */
  readonly updates: NodeUpdate[] = [];
  answer: Result<void> = { ok: true, value: undefined };
  /** It answers when this is over. */
  pause: Promise<void> = Promise.resolve();
  #server: RunningServer | undefined;
  readonly #agents: (Agent & Connection)[] = [];

  /** @param url where nodes register; port 0 takes any free one */
  async start(url = "http://127.0.0.1:0"): Promise<string> {
    const updateNode = async (update: NodeUpdate) => {
      this.updates.push(update);
      await this.pause;
      return this.answer;
    };
    this.#server = await startServer(url, [nodeRegistrationService({ updateNode })]);
    return this.#server.url;
  }

  /** What a node said last. */
  latest(nodeId: Uuid): NodeUpdate | undefined {
    return this.updates.findLast((update) => update.nodeId === nodeId);
  }

  /** Waits until a node has registered (again, when it has a new nonce) and gives its agent. */
  async admit(nodeId: Uuid, formerNonce?: bigint): Promise<Agent> {
    const update = await eventually("registration", () => {
      const latest = this.latest(nodeId);
      return latest !== undefined && latest.nonce !== formerNonce && latest.refreshDeadline > 0n && latest;
    });
    const agent = connectAgent(update.agentUrl, { deadlineMs: LONG_MS });
    this.#agents.push(agent);
    await agent.reset();
    return agent;
  }

  /** Tells every node about every node, itself included, as ε-ORCs do. */
  async connectAll(agents: readonly (readonly [Uuid, Agent])[]): Promise<void> {
    for (const [, agent] of agents) {
      for (const [nodeId] of agents) {
        const invocationUrl = this.latest(nodeId)?.invocationUrl ?? "";
        await agent.updatePeers({ type: "add", nodeId, invocationUrl });
      }
    }
  }

  async stop(): Promise<void> {
    for (const agent of this.#agents.splice(0)) agent.close();
    await this.#server?.close();
    this.#server = undefined;
  }
}
