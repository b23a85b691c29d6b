import { CRASHED, FAILED, type InstanceState, RUNNING } from "../coap-api/operations/instance-state.js";
import { RESOURCE, type Registration } from "../coap-api/operations/register.js";
import type { DeviceStatus } from "../coap-api/operations/status.js";
import type { Clock } from "../core/clock.js";
import type { Random } from "../core/random.js";
import { type RetryPolicy, RetrySchedule } from "../core/retry-schedule.js";
import type { InstanceStatus } from "../core/status.js";
import { type Uuid, uuidToBytes } from "../core/uuid.js";
import { deviceReason } from "./device-reason.js";
import { type DeviceOutput, type InstanceRecord, tagOf } from "./instance-record.js";
import {
  type DesiredInstance,
  type DeviceView,
  imageName,
  KIND_UNKNOWN,
  type Leftover,
} from "./reconciler.js";

/** An instance that should run, with all that is known of it. */
export interface PlannedInstance extends DesiredInstance {
  /** How often it was started again. */
  restarts: number;
  /** Why it does not run, or is not wired; empty when all is well. */
  reason: string;
  readonly schedule: RetrySchedule;
  /** The device would not start it: it takes nothing there until that changes. */
  isRefused: boolean;
  /** When it was started last, monotonic milliseconds. */
  startedMs: number;
}

/** Pauses before an instance that ended is started again. */
const RESTART: RetryPolicy = { initialMs: 1_000, factor: 2, maximumMs: 60_000, jitter: 0.2 };
/** How long after the start of a function the ε-ORC may take to name its outputs, if it has any. */
const PATCH_MS = 200;
/** An instance that ran so long is taken to be sound. */
const SOUND_MS = 60_000;

/**
 * What should run on a device and what is known to run there. Every method is one thing that happened; what is to be done
 * about it is asked of the reconciler.
 */
export class DevicePlan implements DeviceView<PlannedInstance> {
  readonly nodeId: Uuid;
  isDoubtful = false;
  isFull = false;
  images = new Set<string>();
  leftovers: Leftover[] = [];
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #instances = new Map<Uuid, PlannedInstance>();

  constructor(nodeId: Uuid, clock: Clock, random: Random) {
    this.nodeId = nodeId;
    this.#clock = clock;
    this.#random = random;
  }

  get instances(): PlannedInstance[] {
    return [...this.#instances.values()];
  }

  get size(): number {
    return this.#instances.size;
  }

  find(functionId: Uuid): PlannedInstance | undefined {
    return this.#instances.get(functionId);
  }

  /** The instance that the device knows by a number. */
  findByHandle(handle: number): PlannedInstance | undefined {
    for (const instance of this.#instances.values()) if (instance.record.handle === handle) return instance;
    return undefined;
  }

  /** What the ε-ORC is told. */
  statuses(): InstanceStatus[] {
    return this.instances.map(({ record, state, restarts, reason }) => ({
      functionId: record.functionId,
      ...{ state, restarts, reason },
    }));
  }

  /** An instance should run from now on; one with a handle is known to run. */
  add(record: InstanceRecord): PlannedInstance {
    const instance: PlannedInstance = {
      record,
      state: record.handle === undefined ? "starting" : "running",
      notBeforeMs: 0,
      wireEmptyMs: this.#clock.monotonicMs() + PATCH_MS,
      refusedWiring: undefined,
      restarts: 0,
      reason: "",
      schedule: new RetrySchedule(RESTART, this.#random),
      isRefused: false,
      startedMs: this.#clock.monotonicMs(),
    };
    this.#instances.set(record.functionId, instance);
    return instance;
  }

  /** An instance should not run any more; undefined when there is none. */
  remove(functionId: Uuid): PlannedInstance | undefined {
    const instance = this.#instances.get(functionId);
    if (instance === undefined) return undefined;
    this.#instances.delete(functionId);
    this.#leave(instance);
    return instance;
  }

  /** Nothing should run any more. */
  removeAll(): PlannedInstance[] {
    const all = this.instances;
    for (const { record } of all) this.remove(record.functionId);
    return all;
  }

  /** The device lost everything that ran on it. */
  rebooted(): void {
    this.leftovers = [];
    this.isDoubtful = false;
    for (const instance of this.#instances.values()) this.#lost(instance);
  }

  /** The device says what it keeps and runs. */
  registered(registration: Registration, hasRebooted: boolean): void {
    if (hasRebooted) this.rebooted();
    this.images = new Set(registration.digests.map(hex));
    const byTag = new Map(
      this.instances.map((instance) => [hex(tagOf(uuidToBytes(instance.record.functionId))), instance]),
    );
    let isComplete = true;
    const reported = new Set<number>();
    for (const { handle, kind, tag } of registration.instances) {
      reported.add(handle);
      const instance = byTag.get(hex(tag));
      if (instance === undefined || instance.record.kind !== kind) this.#addStranger(handle, kind);
      else if (instance.record.handle !== handle) {
        if (instance.record.handle === undefined) this.#runs(instance, handle);
        else isComplete = false;
      }
    }
    for (const { record } of this.#instances.values())
      if (record.handle !== undefined && !reported.has(record.handle)) isComplete = false;
    // A report may have left before the last start or stop was carried out: ask again.
    if (!isComplete) this.isDoubtful = true;
  }

  /** The device was asked; returns whether it has rebooted in between. */
  asked(status: DeviceStatus, bootNonce: number): boolean {
    const hasRebooted = status.bootNonce !== bootNonce;
    if (hasRebooted) this.rebooted();
    this.isDoubtful = false;
    this.images = new Set(status.digests.map(hex));
    const there = new Set<number>();
    this.leftovers = [];
    for (const { handle } of status.instances) {
      there.add(handle);
      if (this.findByHandle(handle) === undefined) this.#addStranger(handle, KIND_UNKNOWN);
    }
    for (const instance of this.#instances.values()) {
      const { handle } = instance.record;
      if (handle !== undefined && !there.has(handle)) this.#lost(instance);
    }
    this.reported(status.instances);
    return hasRebooted;
  }

  /** The device says how its instances are. */
  reported(states: readonly InstanceState[]): void {
    for (const { handle, state, reason } of states) {
      const instance = this.findByHandle(handle);
      if (instance === undefined) continue;
      if (state === CRASHED) this.#crashed(instance, deviceReason(reason));
      else if (state === FAILED) this.failed(instance, deviceReason(reason));
      else if (state === RUNNING) instance.state = "running";
    }
  }

  /** The device started an instance. */
  started(instance: PlannedInstance, handle: number): void {
    if (this.#instances.get(instance.record.functionId) === instance) this.#runs(instance, handle);
    else this.leftovers.push({ handle, kind: instance.record.kind, isStranger: false });
  }

  /** The device could not start an instance now. */
  postponed(instance: PlannedInstance, reason: string): void {
    instance.state = "crashed";
    instance.reason = reason;
    instance.notBeforeMs = this.#clock.monotonicMs() + instance.schedule.nextMs();
  }

  /** The device has no room for an instance now. */
  refused(instance: PlannedInstance, reason: string): void {
    this.postponed(instance, reason);
    instance.isRefused = true;
  }

  /** An instance can not run on this device. */
  failed(instance: PlannedInstance, reason: string): void {
    this.#leave(instance);
    instance.isRefused = true;
    instance.state = "failed";
    instance.reason = reason;
  }

  /** The device acknowledged the channels of an instance. */
  wired(instance: PlannedInstance, outputs: readonly DeviceOutput[]): void {
    instance.record.wired = outputs;
    instance.refusedWiring = undefined;
    if (instance.state === "running") instance.reason = "";
  }

  /** The device refused the channels of an instance. */
  wiringRefused(instance: PlannedInstance, outputs: readonly DeviceOutput[], reason: string): void {
    instance.refusedWiring = outputs;
    instance.reason = `its outputs were refused: ${reason}`;
  }

  /** The device does not know a route any more that it should know. */
  wiringLost(): void {
    for (const { record } of this.#instances.values()) record.wired = undefined;
  }

  /** A leftover is gone; one of unknown kind only if it was a function. */
  stopped(leftover: Leftover): void {
    this.leftovers = this.leftovers.filter((other) => other.handle !== leftover.handle);
    if (leftover.kind === KIND_UNKNOWN) this.leftovers.push({ ...leftover, kind: RESOURCE });
  }

  /** The device is empty. */
  wasReset(): void {
    this.rebooted();
    this.isDoubtful = true;
  }

  stored(digest: string): void {
    this.images.add(imageName(digest));
  }

  #runs(instance: PlannedInstance, handle: number): void {
    instance.record.handle = handle;
    instance.record.wired = undefined;
    instance.state = "running";
    instance.reason = "";
    instance.isRefused = false;
    instance.startedMs = this.#clock.monotonicMs();
  }

  #crashed(instance: PlannedInstance, reason: string): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - instance.startedMs > SOUND_MS) instance.schedule.reset();
    this.#leave(instance);
    instance.restarts++;
    this.postponed(instance, reason);
  }

  /** It is not there any more, through no fault of its own. */
  #lost(instance: PlannedInstance): void {
    if (instance.record.handle === undefined) return;
    instance.record.handle = undefined;
    instance.record.wired = undefined;
    instance.restarts++;
    instance.state = "starting";
    instance.reason = "the device restarted";
    instance.notBeforeMs = 0;
  }

  /** What runs of it on the device has to go. */
  #leave(instance: PlannedInstance): void {
    const { record } = instance;
    if (record.handle !== undefined)
      this.leftovers.push({ handle: record.handle, kind: record.kind, isStranger: false });
    record.handle = undefined;
    record.wired = undefined;
  }

  #addStranger(handle: number, kind: number): void {
    if (!this.leftovers.some((known) => known.handle === handle))
      this.leftovers.push({ handle, kind, isStranger: true });
  }
}

/** Bytes as hexadecimal digits. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
