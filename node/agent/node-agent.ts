import type { Agent, Patch, PeerUpdate, Result } from "../../core/api.js";
import type { Clock } from "../../core/clock.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import type { ResourceSpecification, SpawnFunctionRequest } from "../../core/specification.js";
import type { InstanceStatus } from "../../core/status.js";
import { randomUuid, type Uuid } from "../../core/uuid.js";
import { LATE, withDeadline } from "../../platform/deadline.js";
import type { FunctionRuntime } from "../functions/function-runtime.js";

/** Owner of the resource instances of a node, as the agent sees it. */
export interface ResourceOwner {
  /** Answers within a limited time; a failure is a refusal. */
  start(specification: ResourceSpecification): Promise<Result<InstanceId>>;
  /** An unknown id is no error. */
  stop(id: InstanceId): Promise<void>;
  /** @throws EdgelessError when the instance is unknown or refuses the wiring */
  patch(patch: Patch<InstanceId>): void | Promise<void>;
  reset(): Promise<void>;
  statuses(): readonly InstanceStatus[];
}

/** What a {@link NodeAgent} works with. */
export interface NodeAgentParts {
  readonly nodeId: Uuid;
  readonly runtimes: readonly FunctionRuntime[];
  readonly resources: ResourceOwner;
  readonly peers: { updatePeers(update: PeerUpdate): void };
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** How long the answer to a stop or a reset waits for handlers that still run; an ε-ORC does nothing else meanwhile. */
const STOP_WAIT_MS = 1_000;

/**
 * The agent of a full node. Requests run side by side; those for one instance take effect in the order in which they came,
 * because each is handed to its owner before anything is awaited.
 */
export class NodeAgent implements Agent {
  readonly #parts: NodeAgentParts;

  constructor(parts: NodeAgentParts) {
    this.#parts = parts;
  }

  /** Answers as soon as the code is known to be acceptable; instantiation and init follow. */
  async startFunction(request: SpawnFunctionRequest): Promise<Result<InstanceId>> {
    const { nodeId, runtimes, random, logger } = this.#parts;
    const { functionType } = request.code;
    const summary = "Error when creating a function instance";
    const runtime = runtimes.find((candidate) => candidate.functionType === functionType);
    if (runtime === undefined) {
      const known = runtimes.map((candidate) => candidate.functionType).join(", ") || "none";
      return refusal(summary, `no run-time for function type "${functionType}"; available: ${known}`);
    }
    const functionId = randomUuid(random);
    try {
      await runtime.start(functionId, request);
    } catch (error) {
      logger.warn("a function was refused", { class: request.code.id, reason: reasonOf(error) });
      return refusal(summary, detailOf(error));
    }
    return { ok: true, value: { nodeId, functionId } };
  }

  async stopFunction(id: InstanceId): Promise<void> {
    const stops = this.#parts.runtimes.map((runtime) => runtime.stop(id.functionId));
    await this.#finish("function stop", Promise.all(stops));
  }

  async patchFunction(patch: Patch<InstanceId>): Promise<void> {
    for (const runtime of this.#parts.runtimes) runtime.patch(patch.source, patch.outputs);
  }

  async startResource(specification: ResourceSpecification): Promise<Result<InstanceId>> {
    return this.#parts.resources.start(specification);
  }

  async stopResource(id: InstanceId): Promise<void> {
    await this.#finish("resource stop", this.#parts.resources.stop(id));
  }

  async patchResource(patch: Patch<InstanceId>): Promise<void> {
    await this.#parts.resources.patch(patch);
  }

  /** @throws EdgelessError EDGELESS_BAD_URL */
  async updatePeers(update: PeerUpdate): Promise<void> {
    this.#parts.peers.updatePeers(update);
  }

  async reset(): Promise<void> {
    const resets = this.#parts.runtimes.map((runtime) => runtime.reset());
    await this.#finish("reset", Promise.all([...resets, this.#parts.resources.reset()]));
  }

  /** Every instance on the node and where it stands. */
  statuses(): InstanceStatus[] {
    const { runtimes, resources } = this.#parts;
    return [...runtimes.flatMap((runtime) => runtime.statuses()), ...resources.statuses()];
  }

  async #finish(what: string, work: Promise<unknown>): Promise<void> {
    const { clock, logger } = this.#parts;
    try {
      const outcome = await withDeadline(clock, STOP_WAIT_MS, work);
      if (outcome === LATE) logger.info(`${what} goes on in the background`);
    } catch (error) {
      logger.warn(`${what} failed`, { reason: reasonOf(error) });
    }
  }
}

function refusal(
  summary: string,
  detail: string,
): { readonly ok: false; readonly error: { summary: string; detail: string } } {
  return { ok: false, error: { summary, detail } };
}

function detailOf(error: unknown): string {
  return error instanceof EdgelessError ? `${error.code}: ${error.message}` : reasonOf(error);
}
