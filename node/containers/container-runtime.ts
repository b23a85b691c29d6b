import { EdgelessError, reasonOf } from "../../core/errors.js";
import type { Event } from "../../core/event.js";
import { type InstanceId, sameInstance } from "../../core/instance-id.js";
import { CONTAINER, type SpawnFunctionRequest } from "../../core/specification.js";
import type { InstanceStatus } from "../../core/status.js";
import type { Uuid } from "../../core/uuid.js";
import { withDeadline } from "../../platform/deadline.js";
import type { FunctionRuntime } from "../functions/function-runtime.js";
import { parseContainerCode } from "./container-code.js";
import type { ContainerEnvironment } from "./container-environment.js";
import { ContainerInstance } from "./container-instance.js";

/** What a {@link ContainerRuntime} works with. */
export interface ContainerRuntimeParts {
  readonly nodeId: Uuid;
  readonly environment: ContainerEnvironment;
  /** Frees what the run-time uses, after the last instance is gone. */
  readonly release: () => Promise<void>;
}

interface Hosted {
  readonly instance: ContainerInstance;
  readonly gone: Promise<void>;
  readonly stateId: Uuid;
}

/** Longest time that closing waits for handlers to end, and then for containers to be removed, milliseconds. */
const CLOSE_MS = 2_000;
const REMOVE_MS = 3_000;

/** Runs functions of type `CONTAINER`. */
export class ContainerRuntime implements FunctionRuntime {
  readonly functionType = CONTAINER;
  readonly #parts: ContainerRuntimeParts;
  readonly #hosted = new Map<Uuid, Hosted>();
  #closed = false;

  constructor(parts: ContainerRuntimeParts) {
    this.#parts = parts;
  }

  /**
   * Accepts an instance; its container is started afterwards, events wait meanwhile.
   * @throws EdgelessError EDGELESS_CONTAINER_CODE, EDGELESS_REJECTED
   */
  start(functionId: Uuid, request: SpawnFunctionRequest): void {
    const { nodeId, environment } = this.#parts;
    const { maxInstances } = environment.settings;
    if (this.#closed) throw new EdgelessError("EDGELESS_REJECTED", "the run-time of containers is closing");
    if (this.#hosted.has(functionId))
      throw new EdgelessError("EDGELESS_REJECTED", `the instance ${functionId} is already running`);
    if (this.#hosted.size >= maxInstances)
      throw new EdgelessError(
        "EDGELESS_REJECTED",
        `the node already runs ${maxInstances} container functions`,
      );
    const { code, annotations, state, workflowId } = request;
    const start = {
      self: { nodeId, functionId },
      code: parseContainerCode(code.code),
      initPayload: annotations.get("init-payload") ?? "",
      state,
      workflowId,
    };
    environment.telemetry.accepted(functionId, CONTAINER, code.id);
    const instance = new ContainerInstance(start, environment);
    const gone = this.#run(instance);
    this.#hosted.set(functionId, { instance, gone, stateId: state.stateId });
  }

  async stop(functionId: Uuid): Promise<void> {
    const hosted = this.#hosted.get(functionId);
    hosted?.instance.stop();
    await hosted?.gone;
  }

  patch(functionId: Uuid, outputs: ReadonlyMap<string, InstanceId>): void {
    this.#hosted.get(functionId)?.instance.outputs.patch(outputs);
  }

  deliver(event: Event): boolean {
    const instance = this.find(event.target);
    instance?.accept(event);
    return instance !== undefined;
  }

  /** The instance with exactly this id. */
  find(id: InstanceId): ContainerInstance | undefined {
    const instance = this.#hosted.get(id.functionId)?.instance;
    return instance !== undefined && sameInstance(instance.self, id) ? instance : undefined;
  }

  statuses(): readonly InstanceStatus[] {
    return [...this.#hosted.values()].map(({ instance }) => instance.status);
  }

  stateIds(): readonly Uuid[] {
    return [...this.#hosted.values()].map(({ stateId }) => stateId);
  }

  async reset(): Promise<void> {
    await Promise.all([...this.#hosted.keys()].map((functionId) => this.stop(functionId)));
  }

  async close(): Promise<void> {
    const { clock } = this.#parts.environment;
    this.#closed = true;
    const stopped = this.reset();
    await withDeadline(clock, CLOSE_MS, stopped);
    for (const { instance } of this.#hosted.values()) instance.cut();
    await withDeadline(clock, REMOVE_MS, stopped);
    await this.#parts.release();
  }

  async #run(instance: ContainerInstance): Promise<void> {
    const { functionId } = instance.self;
    try {
      await instance.run();
    } catch (error) {
      const fields = { functionId, reason: reasonOf(error) };
      this.#parts.environment.logger.error("a container function ended by a defect of the node", fields);
    } finally {
      this.#hosted.delete(functionId);
      this.#parts.environment.telemetry.released(functionId);
    }
  }
}
