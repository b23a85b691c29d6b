import { BoundedQueue } from "../../core/bounded-queue.js";
import type { Clock } from "../../core/clock.js";
import { EdgelessError } from "../../core/errors.js";
import { type Event, TIMESTAMP_ZERO, timestampFromMs, timestampToMs } from "../../core/event.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { Logger } from "../../core/log.js";
import { FUNCTION_ID_NONE } from "../../core/uuid.js";
import type { SendEvent } from "../../grpc-api/data-plane/receiver.js";
import { LATE, withDeadline } from "../../platform/deadline.js";
import type { Telemetry } from "../telemetry/telemetry.js";
import { FailureLog } from "./failure-log.js";
import type { OutgoingCalls } from "./outgoing-calls.js";
import type {
  ResourceAnswer,
  ResourceContext,
  ResourceEvent,
  ResourceInstance,
  ResourceProviderHost,
} from "./resource-provider.js";

/** What every resource of a node shares. */
export interface HostServices {
  readonly send: SendEvent;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly calls: OutgoingCalls;
  /** Events that may wait per instance. */
  readonly mailboxCapacity: number;
  /** How long the handling of one event may take, milliseconds. */
  readonly handleTimeoutMs: number;
  /** How long stopping may take, milliseconds. */
  readonly stopTimeoutMs: number;
}

const ERR: ResourceAnswer = { type: "err" };

/**
 * One resource instance with its mailbox: hands its events over in order, as many at a time as its class allows, and
 * answers every call exactly once.
 */
export class HostedResource {
  readonly context: ResourceContext;
  readonly #provider: ResourceProviderHost;
  readonly #services: HostServices;
  readonly #failures: FailureLog;
  readonly #mailbox: BoundedQueue<Event>;
  /** Calls that were taken in and not answered yet. */
  readonly #unanswered = new Set<Event>();
  readonly #handling = new Set<Promise<void>>();
  #instance: ResourceInstance | undefined;
  #stopping: Promise<void> | undefined;
  #stopped = false;

  constructor(id: InstanceId, workflowId: string, provider: ResourceProviderHost, services: HostServices) {
    this.#provider = provider;
    this.#services = services;
    this.#failures = new FailureLog(services.clock, services.logger);
    this.#mailbox = new BoundedQueue(services.mailboxCapacity);
    const { classType } = provider.resourceClass;
    services.telemetry.accepted(id.functionId, classType, classType);
    this.context = {
      id,
      workflowId,
      logger: services.logger,
      cast: (target, payload, metadata) => {
        if (!this.#mayReach(target)) return;
        const data = { type: "cast", payload } as const;
        services.telemetry.sent(id.functionId, 1);
        services.send({ target, source: id, streamId: 0n, data, created: this.#now(), metadata });
      },
      call: (target, payload, metadata) => {
        if (!this.#mayReach(target)) return Promise.resolve(ERR);
        const data = { type: "call", payload } as const;
        return services.calls.begin(id.functionId, target, (streamId) => {
          services.telemetry.sent(id.functionId, 1);
          services.send({ target, source: id, streamId, data, created: this.#now(), metadata });
        });
      },
    };
  }

  /** Begins to handle events; those that came before waited. */
  run(instance: ResourceInstance): void {
    this.#instance = instance;
    this.#pump();
  }

  /** Takes a cast or a call; only enqueues. */
  accept(event: Event): void {
    const isCall = event.data.type === "call";
    if (isCall) this.#unanswered.add(event);
    if (this.#stopped || this.#stopping !== undefined) {
      this.#services.telemetry.dropped("instance-stopped", 1, this.context.id.functionId);
      this.#answer(event, ERR);
    } else if (this.#mailbox.push(event)) {
      this.#pump();
    } else {
      this.#services.telemetry.dropped("mailbox-full", 1, this.context.id.functionId);
      this.#answer(event, ERR);
    }
  }

  /** @throws EdgelessError EDGELESS_REJECTED when a channel that the class needs is missing */
  patch(outputs: ReadonlyMap<string, InstanceId>): void {
    this.#instance?.patch(outputs);
  }

  /** Stops it; resolves, in bounded time, when every call it took in is answered. Repeating it is harmless. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const { telemetry, clock, calls, stopTimeoutMs } = this.#services;
    for (let event = this.#mailbox.shift(); event !== undefined; event = this.#mailbox.shift()) {
      telemetry.dropped("instance-stopped", 1, this.context.id.functionId);
      this.#answer(event, ERR);
    }
    calls.cancel(this.context.id.functionId);
    try {
      const ended = Promise.all([this.#instance?.stop(), ...this.#handling]);
      const outcome = await withDeadline(clock, stopTimeoutMs, ended);
      if (outcome === LATE) throw new EdgelessError("EDGELESS_TIMEOUT", "it did not stop in time");
    } catch (error) {
      this.#failures.add("a resource ended badly", error);
    }
    this.#stopped = true;
    for (const event of [...this.#unanswered]) this.#answer(event, ERR);
    calls.cancel(this.context.id.functionId);
    telemetry.exited(this.context.id.functionId, this.#provider.resourceClass.classType, "ok");
    telemetry.released(this.context.id.functionId);
  }

  #pump(): void {
    const instance = this.#instance;
    if (instance === undefined) return;
    while (this.#handling.size < this.#provider.concurrency) {
      const event = this.#mailbox.shift();
      if (event === undefined) return;
      const handled = this.#handle(instance, event).then(() => {
        this.#handling.delete(handled);
        this.#pump();
      });
      this.#handling.add(handled);
    }
  }

  async #handle(instance: ResourceInstance, event: Event): Promise<void> {
    const { telemetry, clock, handleTimeoutMs } = this.#services;
    const { data, source, metadata } = event;
    if (data.type !== "cast" && data.type !== "call") return;
    const id = this.context.id.functionId;
    const kind = this.#provider.resourceClass.classType;
    const ageMs = clock.wallMs() - timestampToMs(event.created);
    telemetry.transferred(id, kind, Math.max(0, ageMs / 1000));
    const startMs = clock.monotonicMs();
    let answer = ERR;
    try {
      const given: ResourceEvent = { type: data.type, payload: data.payload, source, metadata };
      const outcome = await withDeadline(clock, handleTimeoutMs, instance.handle(given));
      if (outcome === LATE) throw new EdgelessError("EDGELESS_TIMEOUT", "it was not handled in time");
      answer = outcome;
    } catch (error) {
      telemetry.dropped("handler-failed", 1, id);
      this.#failures.add(`a ${data.type} failed`, error);
    }
    telemetry.executed(id, kind, data.type, (clock.monotonicMs() - startMs) / 1000);
    this.#answer(event, answer);
  }

  /** Answers a call unless it is answered already; casts have no answer. */
  #answer(event: Event, data: ResourceAnswer): void {
    if (!this.#unanswered.delete(event)) return;
    const { source: target, streamId, metadata } = event;
    const created = TIMESTAMP_ZERO;
    this.#services.telemetry.sent(this.context.id.functionId, 1);
    this.#services.send({ target, source: this.context.id, streamId, data, created, metadata });
  }

  #mayReach(target: InstanceId): boolean {
    if (this.#stopped) return false;
    if (target.functionId !== FUNCTION_ID_NONE) return true;
    this.#services.telemetry.dropped("unmapped-output", 1, this.context.id.functionId);
    return false;
  }

  #now() {
    return timestampFromMs(this.#services.clock.wallMs());
  }
}
