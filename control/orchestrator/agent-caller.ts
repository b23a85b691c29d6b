import type { Agent, Result } from "../../core/api.js";
import type { Clock } from "../../core/clock.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { Uuid } from "../../core/uuid.js";
import type { Command, IssuedCommand, Outcome, StopKind } from "./commands.js";
import type { OrchestratorMeter } from "./orchestrator-metrics.js";

/** An agent of a node over some connection. */
export type AgentConnection = Agent & { close(): void };

/** Longest text of a refusal that is kept. */
const LONGEST_REASON = 500;

/** What an agent caller needs. */
export interface AgentCallerOptions {
  /**
   * Must not wait for the connection to be made.
   * @param sharedUrl where the agent is reached over a connection that others use too
   */
  readonly connect: (agentUrl: string, sharedUrl: string | undefined) => AgentConnection;
  readonly clock: Clock;
  /** After so long a call counts as unanswered; its answer is still told when it comes. */
  readonly timeoutMs: number;
  readonly settle: (issued: IssuedCommand, outcome: Outcome) => void;
  readonly meter: OrchestratorMeter;
}

interface Connected {
  readonly url: string;
  readonly sharedUrl: string | undefined;
  readonly agent: AgentConnection;
}

/** Carries out commands: one agent per node, calls to different nodes independent of each other. */
export class AgentCaller {
  readonly #options: AgentCallerOptions;
  readonly #connections = new Map<Uuid, Connected>();
  #isClosed = false;

  constructor(options: AgentCallerOptions) {
    this.#options = options;
  }

  /** Sends a command; its outcome comes back through `settle`, never as an exception. */
  run(issued: IssuedCommand): void {
    const { clock, timeoutMs, meter } = this.#options;
    const startedMs = clock.monotonicMs();
    const timer = clock.setTimer(timeoutMs, () => {
      this.#settle(issued, {
        type: "unanswered",
        reason: `no answer within ${timeoutMs} ms`,
        isOpen: true,
      });
    });
    void this.#call(issued).then((outcome) => {
      timer.cancel();
      meter.commanded(issued.command.type, outcome.type, (clock.monotonicMs() - startedMs) / 1000);
      this.#settle(issued, outcome);
    });
  }

  /** Closes the connection to a node that left. */
  forget(nodeId: Uuid): void {
    this.#connections.get(nodeId)?.agent.close();
    this.#connections.delete(nodeId);
  }

  close(): void {
    this.#isClosed = true;
    for (const nodeId of [...this.#connections.keys()]) this.forget(nodeId);
  }

  #settle(issued: IssuedCommand, outcome: Outcome): void {
    if (!this.#isClosed) this.#options.settle(issued, outcome);
  }

  async #call(issued: IssuedCommand): Promise<Outcome> {
    try {
      return await carryOut(this.#agentOf(issued), issued.command);
    } catch (error) {
      const reason = reasonOf(error).slice(0, LONGEST_REASON);
      const isUnanswered =
        error instanceof EdgelessError &&
        (error.code === "EDGELESS_UNREACHABLE" || error.code === "EDGELESS_TIMEOUT");
      return isUnanswered ? { type: "unanswered", reason, isOpen: false } : { type: "refused", reason };
    }
  }

  #agentOf({ nodeId, agentUrl: url, sharedAgentUrl: sharedUrl }: IssuedCommand): Agent {
    const known = this.#connections.get(nodeId);
    if (known?.url === url && known.sharedUrl === sharedUrl) return known.agent;
    known?.agent.close();
    const agent = this.#options.connect(url, sharedUrl);
    this.#connections.set(nodeId, { url, sharedUrl, agent });
    return agent;
  }
}

async function carryOut(agent: Agent, command: Command): Promise<Outcome> {
  switch (command.type) {
    case "start":
      return startOutcome(
        command.spawn.kind === "function"
          ? await agent.startFunction(command.spawn.request)
          : await agent.startResource(command.spawn.specification),
      );
    case "stop":
      await stop(agent, command.kind, command.instance);
      break;
    case "patch": {
      const { source, outputs } = command;
      if (command.kind === "function") await agent.patchFunction({ source, outputs });
      else await agent.patchResource({ source, outputs });
      break;
    }
    case "peer":
      await agent.updatePeers(command.update);
      break;
    case "reset":
      await agent.reset();
      break;
  }
  return { type: "done" };
}

async function stop(agent: Agent, kind: StopKind, instance: InstanceId): Promise<void> {
  if (kind !== "resource") await agent.stopFunction(instance);
  if (kind !== "function") await agent.stopResource(instance);
}

function startOutcome(result: Result<InstanceId>): Outcome {
  if (result.ok) return { type: "done", instance: result.value };
  const { summary, detail } = result.error;
  const reason = detail === undefined || detail === "" ? summary : `${summary}: ${detail}`;
  return { type: "refused", reason: reason.slice(0, LONGEST_REASON) };
}
