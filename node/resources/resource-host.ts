import type { Patch, Result } from "../../core/api.js";
import type { Clock } from "../../core/clock.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { type Event, isAnswer } from "../../core/event.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { LogFields, Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import type { ResourceProvider, ResourceSpecification } from "../../core/specification.js";
import type { InstanceStatus } from "../../core/status.js";
import { randomUuid, type Uuid } from "../../core/uuid.js";
import type { Receiver, SendEvent } from "../../grpc-api/data-plane/receiver.js";
import { LATE, withDeadline } from "../../platform/deadline.js";
import type { Telemetry } from "../telemetry/telemetry.js";
import { HostedResource, type HostServices } from "./hosted-resource.js";
import { OutgoingCalls } from "./outgoing-calls.js";
import type { ResourceInstance, ResourceProviderHost } from "./resource-provider.js";

/** What a {@link ResourceHost} works with. */
export interface ResourceHostParts {
  readonly nodeId: Uuid;
  readonly send: SendEvent;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How long the answer to a call may take, milliseconds. */
  readonly callTimeoutMs: number;
  /** Events that may wait per instance. */
  readonly mailboxCapacity: number;
  /** The class of a request decides; of several providers of one class the first is used. */
  readonly providers: readonly ResourceProviderHost[];
  /** How long a provider may take to start an instance, milliseconds; by default 4.5 s: an ε-ORC waits 5 s. */
  readonly startTimeoutMs?: number;
  /** How long an instance may take to stop, milliseconds; 5 s by default. */
  readonly stopTimeoutMs?: number;
  /** How long the handling of one event may take, milliseconds; 120 s by default. */
  readonly handleTimeoutMs?: number;
}

/** The resources of a node: starts, wires and stops them and hands them their events. */
export class ResourceHost implements Receiver {
  readonly #parts: ResourceHostParts;
  readonly #calls: OutgoingCalls;
  readonly #starting = new Map<Uuid, HostedResource>();
  readonly #instances = new Map<Uuid, HostedResource>();
  #closed = false;

  constructor(parts: ResourceHostParts) {
    this.#parts = parts;
    this.#calls = new OutgoingCalls(parts.clock, parts.random, parts.callTimeoutMs);
  }

  /** What the node announces to its ε-ORC. */
  get providers(): ResourceProvider[] {
    return this.#parts.providers.map(({ providerId, resourceClass }) => ({
      providerId,
      classType: resourceClass.classType,
      outputs: resourceClass.outputs,
    }));
  }

  /** Starts an instance with a fresh id; a slow provider delays nobody else and is given up after a while. */
  async start(specification: ResourceSpecification): Promise<Result<InstanceId>> {
    const { classType } = specification;
    const provider = this.#parts.providers.find((one) => one.resourceClass.classType === classType);
    if (provider === undefined) {
      const offered = this.#parts.providers.map((one) => one.resourceClass.classType).join(", ");
      return refusal(CANNOT_CREATE, `no provider of class "${classType}" (offered: ${offered || "none"})`);
    }
    if (this.#closed) return refusal(CANNOT_CREATE, "the node is stopping");
    const id = { nodeId: this.#parts.nodeId, functionId: randomUuid(this.#parts.random) };
    const hosted = new HostedResource(
      id,
      specification.workflowId,
      provider,
      this.#servicesOf(id, classType),
    );
    this.#starting.set(id.functionId, hosted);
    try {
      return await this.#launch(provider, specification, hosted);
    } catch (error) {
      await hosted.stop();
      const bad = error instanceof EdgelessError && error.code === "EDGELESS_BAD_RESOURCE_CONFIG";
      return refusal(bad ? "Invalid resource configuration" : CANNOT_CREATE, reasonOf(error));
    } finally {
      this.#starting.delete(id.functionId);
    }
  }

  /** Stops an instance; an unknown id is no error. */
  async stop(id: InstanceId): Promise<void> {
    const hosted = this.#instances.get(id.functionId);
    this.#instances.delete(id.functionId);
    await hosted?.stop();
  }

  /**
   * Replaces the output wiring of an instance.
   * @throws EdgelessError EDGELESS_UNKNOWN_INSTANCE, or EDGELESS_REJECTED when a needed channel is missing
   */
  patch(patch: Patch<InstanceId>): void {
    const hosted = this.#instances.get(patch.source);
    if (hosted === undefined) {
      throw new EdgelessError(
        "EDGELESS_UNKNOWN_INSTANCE",
        `there is no resource ${patch.source} on this node`,
      );
    }
    hosted.patch(patch.outputs);
  }

  /** Stops all instances, also those that are just being started. */
  async reset(): Promise<void> {
    const all = [...this.#instances.values(), ...this.#starting.values()];
    this.#instances.clear();
    this.#starting.clear();
    await Promise.all(all.map((hosted) => hosted.stop()));
  }

  /** Stops all instances and frees the providers. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.reset();
    const outcomes = await Promise.allSettled(this.#parts.providers.map((provider) => provider.close()));
    for (const outcome of outcomes) {
      if (outcome.status === "rejected")
        this.#parts.logger.warn(`a resource provider ended badly: ${reasonOf(outcome.reason)}`);
    }
  }

  /** Every running instance. */
  statuses(): InstanceStatus[] {
    return [...this.#instances.keys()].map((functionId) => ({
      functionId,
      state: "running",
      restarts: 0,
      reason: "",
    }));
  }

  deliver(event: Event): boolean {
    const id = event.target.functionId;
    const hosted = this.#instances.get(id) ?? this.#starting.get(id);
    if (hosted === undefined) return false;
    if (isAnswer(event.data)) this.#calls.accept(event);
    else hosted.accept(event);
    return true;
  }

  async #launch(
    provider: ResourceProviderHost,
    { configuration }: ResourceSpecification,
    hosted: HostedResource,
  ): Promise<Result<InstanceId>> {
    const { clock, startTimeoutMs = 4_500 } = this.#parts;
    const { id, logger } = hosted.context;
    const instance = provider.start(configuration, hosted.context);
    const outcome = await withDeadline(clock, startTimeoutMs, instance);
    if (outcome === LATE) {
      instance.then(discard, () => {});
      throw new EdgelessError("EDGELESS_TIMEOUT", `it did not start within ${startTimeoutMs} ms`);
    }
    if (!this.#starting.has(id.functionId)) {
      await discard(outcome);
      throw new EdgelessError("EDGELESS_REJECTED", "the node was reset meanwhile");
    }
    this.#instances.set(id.functionId, hosted);
    hosted.run(outcome);
    logger.info("resource started");
    return { ok: true, value: id };
  }

  #servicesOf(id: InstanceId, classType: string): HostServices {
    const parts = this.#parts;
    return {
      send: parts.send,
      telemetry: parts.telemetry,
      clock: parts.clock,
      logger: withFields(parts.logger, { resource: id.functionId, class_type: classType }),
      calls: this.#calls,
      mailboxCapacity: parts.mailboxCapacity,
      handleTimeoutMs: parts.handleTimeoutMs ?? 120_000,
      stopTimeoutMs: parts.stopTimeoutMs ?? 5_000,
    };
  }
}

/** The words of the Rust node for a refused start. */
const CANNOT_CREATE = "Error when creating a resource";

function refusal(summary: string, detail: string): Result<InstanceId> {
  return { ok: false, error: { summary, detail } };
}

/** Ends an instance that came too late; nobody is left to tell about a failure. */
async function discard(instance: ResourceInstance): Promise<void> {
  await instance.stop().catch(() => {});
}

function withFields(logger: Logger, fixed: LogFields): Logger {
  return {
    error: (message, fields) => logger.error(message, { ...fixed, ...fields }),
    warn: (message, fields) => logger.warn(message, { ...fixed, ...fields }),
    info: (message, fields) => logger.info(message, { ...fixed, ...fields }),
    debug: (message, fields) => logger.debug(message, { ...fixed, ...fields }),
    trace: (message, fields) => logger.trace(message, { ...fixed, ...fields }),
  };
}
