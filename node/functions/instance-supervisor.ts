import type { Clock } from "../../core/clock.js";
import { EdgelessError } from "../../core/errors.js";
import type { Event } from "../../core/event.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import { type RetryPolicy, RetrySchedule } from "../../core/retry-schedule.js";
import { RUST_WASM, type SpawnFunctionRequest } from "../../core/specification.js";
import type { InstanceStatus } from "../../core/status.js";
import type { Uuid } from "../../core/uuid.js";
import { errorAnswer } from "../../grpc-api/data-plane/error-answer.js";
import type { SendEvent } from "../../grpc-api/data-plane/receiver.js";
import type { CompiledImage } from "../../toolchain/image/compile-image.js";
import { ImageWorkers } from "../../toolchain/image-worker/image-workers.js";
import { PreparedImages } from "../../toolchain/image-worker/prepared-images.js";
import type { DropReason, Telemetry } from "../telemetry/telemetry.js";
import { EventQueue } from "./event-queue.js";
import type { FunctionRuntime } from "./function-runtime.js";
import type { FunctionSettings } from "./function-settings.js";
import type { HostPort, HostReports } from "./host-port.js";
import type { InstanceEnd, InstanceFault } from "./instance-environment.js";
import type { HostSlot, SupervisedInstance } from "./supervised-instance.js";
import { TextBudget } from "./text-budget.js";

/** What a host reports to the supervisor. */
export interface OwnerReports extends HostReports {
  /**
   * The host is gone with all its instances.
   * @param running the instance that had the processor at that moment
   */
  lost(reason: string, running: Uuid | undefined): void;
}

/** Opens a host. */
export type OpenHost = (reports: OwnerReports) => HostPort;

/** What an {@link InstanceSupervisor} works with. */
export interface SupervisorParts {
  readonly nodeId: Uuid;
  readonly clock: Clock;
  readonly random: Random;
  readonly send: SendEvent;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly settings: FunctionSettings;
  readonly openHost: OpenHost;
}

const PAGES_PER_MIB = 16;
/** Compiled modules that are kept, also when no instance uses them any more. */
const CACHED_IMAGES = 32;
/** The threads that prepare large modules. */
const PREPARING = { workers: 2, maxQueued: 64, deadlineMs: 20_000, maxMemoryMb: 256 };
const RESTART: RetryPolicy = { initialMs: 500, factor: 2, maximumMs: 60_000, jitter: 0.2 };
/** An instance that ran this long has recovered from its earlier crashes. */
const RECOVERED_MS = 60_000;
/** Crashes in a row after which an instance lives among those that misbehave. */
const TOLERATED_CRASHES = 3;
/** Failed instantiations in a row after which the code counts as unable to run here. */
const TOLERATED_FAILED_STARTS = 3;
/** Longest time that closing waits for handlers to end. */
const CLOSE_MS = 5000;

/**
 * Places function instances on hosts and keeps them alive. An instance that ends by itself starts again after a
 * back-off with the same init payload and its last synced state; meanwhile casts wait for it and calls fail at once.
 * One that overran its run time or crashed repeatedly starts on a separate host, so that it cannot slow the others.
 */
export class InstanceSupervisor implements FunctionRuntime {
  readonly functionType = RUST_WASM;
  readonly #parts: SupervisorParts;
  readonly #imageWorkers: ImageWorkers;
  readonly #images: PreparedImages;
  readonly #budget: TextBudget;
  readonly #instances = new Map<Uuid, SupervisedInstance>();
  readonly #hosts: HostSlot[] = [];
  #closed = false;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.#budget = new TextBudget(parts.settings.maxWaitingText);
    const maxMemoryPages = parts.settings.maxMemoryMib * PAGES_PER_MIB;
    this.#imageWorkers = new ImageWorkers({ ...PREPARING, clock: parts.clock });
    this.#images = new PreparedImages({ maxMemoryPages }, CACHED_IMAGES, this.#imageWorkers);
  }

  start(functionId: Uuid, request: SpawnFunctionRequest): void | Promise<void> {
    const { settings, random } = this.#parts;
    if (this.#closed) throw new EdgelessError("EDGELESS_REJECTED", "the run-time of functions is closing");
    if (this.#instances.has(functionId))
      throw new EdgelessError("EDGELESS_REJECTED", `the instance ${functionId} is already running`);
    if (this.#instances.size >= settings.maxInstances)
      throw new EdgelessError(
        "EDGELESS_REJECTED",
        `the node already runs ${settings.maxInstances} functions`,
      );
    const { id, binary } = request.code;
    if (binary === undefined)
      throw new EdgelessError("EDGELESS_BAD_WASM", `the function class ${id} comes without a module`);
    if (binary.length > settings.maxModuleBytes) {
      const sentence = `the module has ${binary.length} bytes, the limit of this node is ${settings.maxModuleBytes}`;
      throw new EdgelessError("EDGELESS_WASM_TOO_LARGE", sentence);
    }
    const image = this.#images.get(binary);
    const instance: SupervisedInstance = {
      functionId,
      module: undefined,
      initPayload: request.annotations.get("init-payload"),
      state: request.state,
      schedule: new RetrySchedule(RESTART, random),
      waiting: new EventQueue(settings.mailboxCapacity, this.#budget),
      outputs: undefined,
      host: undefined,
      status: "starting",
      reason: "",
      restarts: 0,
      failedStarts: 0,
      misbehaved: false,
      runningSinceMs: undefined,
      restart: undefined,
      onGone: undefined,
    };
    this.#instances.set(functionId, instance);
    this.#parts.telemetry.accepted(functionId, RUST_WASM, id);
    if (image instanceof Promise) return this.#placeLater(instance, image);
    instance.module = image.module;
    this.#place(instance);
  }

  stop(functionId: Uuid): Promise<void> {
    const instance = this.#instances.get(functionId);
    if (instance === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const isFirst = instance.onGone === undefined;
      instance.onGone = [...(instance.onGone ?? []), resolve];
      if (instance.host === undefined) this.#forget(instance);
      else if (isFirst) instance.host.port.stop(functionId);
    });
  }

  patch(functionId: Uuid, outputs: ReadonlyMap<string, InstanceId>): void {
    const instance = this.#instances.get(functionId);
    if (instance === undefined) return;
    instance.outputs = outputs;
    instance.host?.port.patch(functionId, outputs);
  }

  deliver(event: Event): boolean {
    if (event.target.nodeId !== this.#parts.nodeId) return false;
    const instance = this.#instances.get(event.target.functionId);
    if (instance === undefined) return false;
    if (instance.host !== undefined) instance.host.port.deliver(event);
    else if (event.data.type !== "cast" || instance.status === "failed")
      this.#lose(event, "instance-stopped");
    else if (!instance.waiting.push(event)) this.#lose(event, "mailbox-full");
    return true;
  }

  statuses(): readonly InstanceStatus[] {
    return [...this.#instances.values()].map(({ functionId, status, restarts, reason }) => ({
      functionId,
      state: status,
      restarts,
      reason,
    }));
  }

  stateIds(): readonly Uuid[] {
    return [...this.#instances.values()].map(({ state }) => state.stateId);
  }

  async reset(): Promise<void> {
    await Promise.all([...this.#instances.keys()].map((functionId) => this.stop(functionId)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#within(CLOSE_MS, this.reset());
    for (const instance of [...this.#instances.values()]) this.#forget(instance);
    await Promise.all([
      ...this.#hosts.splice(0).map((host) => host.port.close()),
      this.#imageWorkers.close(),
    ]);
  }

  async #placeLater(instance: SupervisedInstance, image: Promise<CompiledImage>): Promise<void> {
    const { functionId } = instance;
    try {
      instance.module = (await image).module;
    } catch (error) {
      if (this.#instances.get(functionId) === instance) this.#forget(instance);
      throw error;
    }
    if (this.#instances.get(functionId) !== instance)
      throw new EdgelessError("EDGELESS_REJECTED", "the function was stopped before its module was prepared");
    this.#place(instance);
  }

  #place(instance: SupervisedInstance): void {
    const { functionId, module, initPayload, state, outputs } = instance;
    if (module === undefined) return;
    const host = this.#hostFor(instance);
    host.instances++;
    instance.host = host;
    instance.status = "starting";
    instance.reason = "";
    instance.restart = undefined;
    host.port.start({ functionId, module, initPayload, state, outputs });
    for (const event of instance.waiting.drain()) host.port.deliver(event);
  }

  /** The host of its kind with the fewest instances; a new one as long as fewer than wanted are open. */
  #hostFor(instance: SupervisedInstance): HostSlot {
    const { threads } = this.#parts.settings;
    const isPenalty = instance.misbehaved && threads > 0;
    const candidates = this.#hosts.filter((host) => host.isPenalty === isPenalty);
    const wanted = isPenalty ? 1 : Math.max(1, threads);
    if (candidates.length < wanted) return this.#open(isPenalty);
    return candidates.reduce((best, host) => (host.instances < best.instances ? host : best));
  }

  #open(isPenalty: boolean): HostSlot {
    const port = this.#parts.openHost({
      initialised: (functionId) => this.#initialised(functionId, slot),
      ended: (end) => this.#ended(end, slot),
      send: (event) => {
        if (!this.deliver(event)) this.#parts.send(event);
      },
      lost: (reason, running) => this.#lost(slot, reason, running),
    });
    const slot: HostSlot = { port, isPenalty, instances: 0 };
    this.#hosts.push(slot);
    return slot;
  }

  #initialised(functionId: Uuid, host: HostSlot): void {
    const instance = this.#instances.get(functionId);
    if (instance?.host !== host) return;
    instance.status = "running";
    instance.failedStarts = 0;
    instance.runningSinceMs = this.#parts.clock.monotonicMs();
  }

  #ended(end: InstanceEnd, host: HostSlot): void {
    const instance = this.#instances.get(end.functionId);
    if (instance?.host !== host) return;
    this.#leave(instance, host);
    if (instance.onGone !== undefined || end.fault === undefined) {
      for (const event of end.unhandled) this.#lose(event, "instance-stopped");
      this.#forget(instance);
    } else {
      this.#crashed(instance, end.fault);
      for (const event of end.unhandled) this.deliver(event);
    }
  }

  #leave(instance: SupervisedInstance, host: HostSlot): void {
    instance.host = undefined;
    host.instances--;
    if (!host.isPenalty || host.instances > 0) return;
    const index = this.#hosts.indexOf(host);
    if (index < 0) return;
    this.#hosts.splice(index, 1);
    host.port.close().catch(() => this.#parts.logger.error("a host of functions cannot be closed"));
  }

  #crashed(instance: SupervisedInstance, fault: InstanceFault): void {
    const { clock, logger } = this.#parts;
    const { schedule, runningSinceMs, functionId } = instance;
    if (runningSinceMs !== undefined && clock.monotonicMs() - runningSinceMs >= RECOVERED_MS) {
      schedule.reset();
      instance.misbehaved = false;
    }
    instance.runningSinceMs = undefined;
    instance.reason = `${fault.code}: ${fault.reason}`;
    if (!fault.instantiated && ++instance.failedStarts >= TOLERATED_FAILED_STARTS) {
      instance.status = "failed";
      logger.error("a function cannot run here and is not tried again", {
        functionId,
        reason: instance.reason,
      });
      for (const event of instance.waiting.drain()) this.#lose(event, "instance-stopped");
      return;
    }
    const delayMs = schedule.nextMs();
    if (fault.code === "EDGELESS_FUNCTION_OUT_OF_TIME" || schedule.failures >= TOLERATED_CRASHES)
      instance.misbehaved = true;
    instance.status = "crashed";
    instance.restart = clock.setTimer(delayMs, () => {
      instance.restarts++;
      this.#place(instance);
    });
    const fields = { functionId, reason: instance.reason, restartInMs: Math.round(delayMs) };
    logger.warn("a function ended by itself and will be started again", fields);
  }

  #lost(host: HostSlot, reason: string, running: Uuid | undefined): void {
    const index = this.#hosts.indexOf(host);
    if (index >= 0) this.#hosts.splice(index, 1);
    this.#parts.logger.error("a host of functions was lost; its instances will be started again", { reason });
    for (const instance of [...this.#instances.values()]) {
      if (instance.host !== host) continue;
      instance.host = undefined;
      if (instance.status === "running")
        this.#parts.telemetry.exited(instance.functionId, RUST_WASM, "internal-error");
      if (instance.onGone !== undefined) {
        this.#forget(instance);
        continue;
      }
      // The one that had the processor is the likely cause: it must not take the others down again, nor they join it.
      const misbehaved = instance.misbehaved || instance.functionId === running;
      this.#crashed(instance, { code: "EDGELESS_FUNCTION_TRAPPED", reason, instantiated: true });
      instance.misbehaved = misbehaved;
    }
  }

  #forget(instance: SupervisedInstance): void {
    if (!this.#instances.delete(instance.functionId)) return;
    instance.restart?.cancel();
    if (instance.host !== undefined) this.#leave(instance, instance.host);
    for (const event of instance.waiting.drain()) this.#lose(event, "instance-stopped");
    this.#parts.telemetry.released(instance.functionId);
    for (const resolve of instance.onGone ?? []) resolve();
  }

  #lose(event: Event, reason: DropReason): void {
    this.#parts.telemetry.dropped(reason, 1, event.target.functionId);
    const answer = errorAnswer(event);
    // Later, so that a caller is never answered before its own send has returned.
    if (answer !== undefined) queueMicrotask(() => this.#answer(answer));
  }

  #answer(answer: Event): void {
    if (!this.deliver(answer)) this.#parts.send(answer);
  }

  async #within(limitMs: number, work: Promise<void>): Promise<void> {
    const limit = new Promise<void>((resolve) => {
      const timer = this.#parts.clock.setTimer(limitMs, resolve);
      work.then(
        () => timer.cancel(),
        () => timer.cancel(),
      );
    });
    await Promise.race([work, limit]);
  }
}
