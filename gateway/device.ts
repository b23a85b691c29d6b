import type { Done, OutgoingRequest } from "../coap-api/endpoint/exchange.js";
import type { UplinkEvent } from "../coap-api/operations/event.js";
import { DEVICE, type LogLine } from "../coap-api/operations/log-lines.js";
import type { Refresh } from "../coap-api/operations/refresh.js";
import { FUNCTION, RESOURCE, type Registration } from "../coap-api/operations/register.js";
import type { KeptState } from "../coap-api/operations/state.js";
import type { DeviceStatus } from "../coap-api/operations/status.js";
import type { Patch } from "../core/api.js";
import type { Clock } from "../core/clock.js";
import { EdgelessError } from "../core/errors.js";
import type { Event } from "../core/event.js";
import type { InstanceId } from "../core/instance-id.js";
import type { Logger, LogLevel } from "../core/log.js";
import type { Random } from "../core/random.js";
import type { ResourceSpecification, SpawnFunctionRequest } from "../core/specification.js";
import type { InstanceStatus } from "../core/status.js";
import { NIL_UUID, randomUuid, type Uuid } from "../core/uuid.js";
import type { SendEvent } from "../grpc-api/data-plane/receiver.js";
import type { StoreChange } from "../platform/store/store.js";
import {
  type Applicant,
  admitFunction,
  admitResource,
  checkInstances,
  checkMemory,
  type MakeImage,
} from "./admission.js";
import { workOf } from "./device-commands.js";
import { DeviceEvents, type Verdict } from "./device-events.js";
import { DeviceLink, type Work } from "./device-link.js";
import { DevicePlan, type PlannedInstance } from "./device-plan.js";
import { type DeviceRecord, factsOf } from "./device-record.js";
import type { DeviceSettings } from "./device-settings.js";
import { FirmwareUpdate } from "./firmware-update.js";
import type { GatewayMetrics } from "./gateway-metrics.js";
import type { HandOvers } from "./hand-overs.js";
import type { ImageLibrary } from "./image-library.js";
import type { InstanceRecord } from "./instance-record.js";
import { LogBook } from "./log-book.js";
import { MemoryLedger } from "./memory-ledger.js";
import { nextCommand, nextDueMs } from "./reconciler.js";
import { change, type SavedDevice, type SavedDevices, stateKeyOf } from "./saved-devices.js";
import { type Firmware, newUpdate, type UpdateRecord } from "./update-record.js";

/** What all devices of a gateway share. */
export interface DeviceSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
  readonly saved: SavedDevices;
  readonly images: ImageLibrary;
  readonly makeImage: MakeImage;
  readonly settings: DeviceSettings;
  /** Sends a request to a device. */
  readonly request: (address: string, port: number, request: OutgoingRequest, done: Done) => void;
  /** A response within this time needed no repetition, milliseconds. */
  readonly ackTimeoutMs: number;
  readonly send: SendEvent;
  readonly handOvers: HandOvers;
  readonly isCongested: (target: InstanceId) => boolean;
}

const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug", "trace"];

/**
 * A device of this gateway: what should run there, brought about over its link, and its events. What was agreed with the
 * ε-ORC or the device is written down before it is acknowledged.
 */
export class Device {
  readonly record: DeviceRecord;
  readonly plan: DevicePlan;
  readonly events: DeviceEvents;
  readonly logs: LogBook;
  /** Told when the status of an instance changed. */
  onStatusChange: () => void = () => {};
  /** Told when the device says what it runs, or refuses to because it obeys another gateway. */
  onAnswer: (isOurs: boolean) => void = () => {};
  freeMemoryBytes = 0;
  uptimeSeconds: number | undefined;
  counters: readonly number[] = [];
  /** The last event that a former life of this gateway took from it, by its `seenKey`; until the next one comes. */
  formerEvent: number | undefined;
  /** The newest update of its firmware, if there was one. */
  update: FirmwareUpdate | undefined;
  readonly #around: DeviceSurroundings;
  readonly #link: DeviceLink;
  readonly #states: Map<Uuid, Uint8Array>;
  readonly #memory = new MemoryLedger();
  /** Counts how often all that should run here was dropped. */
  #drops = 0;
  /** True when the reconciler had nothing to do and nothing has changed since. */
  #isSettled = false;

  constructor(record: DeviceRecord, around: DeviceSurroundings, saved?: SavedDevice) {
    const { clock, random, settings, metrics } = around;
    this.record = record;
    this.#around = around;
    this.#states = saved?.states ?? new Map();
    this.logs = new LogBook(settings.logLines);
    this.plan = new DevicePlan(record.nodeId, clock, random);
    this.events = new DeviceEvents({
      ...{ plan: this.plan, clock, random, settings },
      maxPayloadBytes: () => this.record.facts.limits.payloadBytes,
      send: around.send,
      handOvers: around.handOvers,
      isCongested: around.isCongested,
      dropped: (reason, count) => metrics.dropped(reason, count),
      counted: (direction, kind) => metrics.event(direction, kind),
      wake: () => this.#link.pump(),
      unsettled: () => this.#unsettle(),
      referenced: (references) => this.#write([change.references(record.nodeId, references.entries())]),
    });
    this.#link = new DeviceLink({
      ...{ clock, random, ackTimeoutMs: around.ackTimeoutMs },
      send: (request, done) => around.request(this.record.address, this.record.port, request, done),
      next: () => this.#next(),
      nextMs: () => earliest(nextDueMs(this.plan), this.events.nextMs()),
    });
    if (saved !== undefined) this.#restore(saved);
  }

  get nodeId(): Uuid {
    return this.record.nodeId;
  }

  get name(): string {
    return this.record.name;
  }

  /** Average round-trip time of exchanges without repetition, milliseconds. */
  get roundTripMs(): number | undefined {
    return this.#link.roundTripMs;
  }

  /** Requests to the device, and those that were never answered. */
  get requests(): { readonly sent: number; readonly unanswered: number } {
    return { sent: this.#link.requests, unanswered: this.#link.unanswered };
  }

  statuses(): InstanceStatus[] {
    return this.plan.statuses();
  }

  /** True when more is kept of it than that it was here. */
  get isWorthKeeping(): boolean {
    return this.record.isNamed || this.#states.size > 0;
  }

  /** True when a state of the function is kept. */
  hasState(functionId: Uuid): boolean {
    const record = this.plan.find(functionId)?.record;
    return record !== undefined && this.#states.has(stateKeyOf(record));
  }

  /** The device registered: it is there, and says what it keeps and runs. */
  registered(registration: Registration, hasRebooted: boolean): void {
    this.record.bootNonce = registration.bootNonce;
    this.record.facts = factsOf(registration);
    this.record.firmware = registration.firmware;
    this.update?.registered(registration.firmware, registration.bootNonce);
    if (hasRebooted) {
      this.events.rebooted();
      this.formerEvent = undefined;
    }
    this.plan.registered(registration, hasRebooted);
    this.#reportMemory(registration.freeMemoryBytes);
    this.#saveInstances(this.plan.instances);
    this.#unsettle();
  }

  /** The device says what changed. */
  refreshed(refresh: Refresh): void {
    if (refresh.freeMemoryBytes !== undefined) this.#reportMemory(refresh.freeMemoryBytes);
    this.uptimeSeconds = refresh.uptimeSeconds ?? this.uptimeSeconds;
    this.counters = refresh.counters ?? this.counters;
    if (refresh.instances === undefined) return;
    this.plan.reported(refresh.instances);
    this.#saveInstances(this.plan.instances);
    this.#unsettle();
  }

  /** A datagram of the device came: it can be reached. */
  heard(): void {
    this.record.lastSeenMs = this.#around.clock.wallMs();
    this.#link.heard();
  }

  /** Takes an event of one of its instances, see {@link DeviceEvents.uplink}. */
  uplink(event: UplinkEvent, answer: (verdict: Verdict) => void): void {
    this.events.uplink(event, answer);
  }

  /** Takes an event for one of its instances; false when there is no such instance. */
  deliver(event: Event): boolean {
    return this.events.deliver(event);
  }

  /** Takes log lines of the device and of its instances; those of unknown ones are left out. */
  logged(lines: readonly LogLine[]): void {
    const { clock, logger } = this.#around;
    const decoder = new TextDecoder();
    for (const { handle, level, target, message } of lines) {
      const record =
        handle === DEVICE
          ? { functionId: this.nodeId, name: "device" }
          : this.plan.findByHandle(handle)?.record;
      if (record === undefined) continue;
      const entry = {
        timeMs: clock.wallMs(),
        functionId: record.functionId,
        name: record.name,
        level: LEVELS[level - 1] ?? "trace",
        target: decoder.decode(target),
        message: decoder.decode(message),
      };
      this.logs.add(entry);
      logger[entry.level](`${entry.target}: ${entry.message}`, {
        device: this.name,
        instance: record.functionId,
      });
    }
  }

  /** Keeps the state of a function; false when there is no such function or the state is too large. */
  async keep({ handle, state }: KeptState): Promise<boolean> {
    const record = this.plan.findByHandle(handle)?.record;
    if (record === undefined || state.length > this.#around.settings.maxStateBytes) return false;
    const bytes = state.slice();
    this.#states.set(stateKeyOf(record), bytes);
    await this.#around.saved.write([change.state(this.nodeId, stateKeyOf(record), bytes)]);
    return true;
  }

  /**
   * Accepts a function; it is started in the background.
   * @throws EdgelessError when the device cannot run it
   */
  async startFunction(request: SpawnFunctionRequest): Promise<InstanceId> {
    const { random, images, makeImage } = this.#around;
    const drops = this.#drops;
    const image = await admitFunction(request, this.#applicant(), makeImage).catch((error: unknown) => {
      if (error instanceof EdgelessError && error.code === "EDGELESS_WASM_TOO_LARGE") this.#askAgain();
      throw error;
    });
    const { bytes, digest, neededBytes } = image;
    if (drops !== this.#drops)
      throw new EdgelessError(
        "EDGELESS_REJECTED",
        `the device ${this.name} left or was reset while the function was checked`,
      );
    checkInstances(this.#applicant());
    checkMemory(this.#applicant(), neededBytes);
    const record: InstanceRecord = {
      functionId: randomUuid(random),
      kind: FUNCTION,
      name: request.code.id,
      workflowId: request.workflowId,
      digest,
      neededBytes,
      initPayload: request.annotations.get("init-payload"),
      configuration: [],
      statePolicy: request.state.policy,
      stateId: request.state.stateId,
      outputs: [],
    };
    this.#memory.add(record.functionId, neededBytes);
    const isFirst = images.use(digest, bytes);
    return this.#add(record, isFirst ? [change.image(digest, bytes)] : []);
  }

  /**
   * Accepts a resource; it is started in the background.
   * @throws EdgelessError when the device does not have it
   */
  async startResource(specification: ResourceSpecification): Promise<InstanceId> {
    admitResource(specification, this.#applicant());
    return this.#add(
      {
        functionId: randomUuid(this.#around.random),
        kind: RESOURCE,
        name: specification.classType,
        workflowId: specification.workflowId,
        configuration: [...specification.configuration],
        statePolicy: "transient",
        stateId: NIL_UUID,
        outputs: [],
      },
      [],
    );
  }

  /** Stops an instance; an unknown one is no error. */
  async stop(functionId: Uuid): Promise<void> {
    const instance = this.plan.find(functionId);
    if (instance === undefined) return;
    this.#memory.remove(functionId, instance.record.handle);
    this.plan.remove(functionId);
    await this.#removed([instance]);
  }

  /** Replaces the outputs of an instance; an unknown one is no error. */
  async patch({ source, outputs }: Patch<InstanceId>): Promise<void> {
    const instance = this.plan.find(source);
    if (instance === undefined) return;
    instance.record.outputs = this.events.routes.wire(source, outputs);
    instance.refusedWiring = undefined;
    instance.wireEmptyMs = 0;
    this.#unsettle();
    await this.#around.saved.write([change.instance(this.nodeId, instance.record)]);
  }

  /**
   * Brings a firmware to the device, in the background.
   * @throws EdgelessError EDGELESS_REJECTED when it takes none, or another one is on its way; EDGELESS_STORE_FULL,
   * EDGELESS_STORE_BROKEN
   */
  async updateFirmware(firmware: Firmware): Promise<FirmwareUpdate> {
    const { name, firmware: running, bootNonce } = this.record;
    if (running === undefined)
      throw new EdgelessError("EDGELESS_REJECTED", `the firmware of ${name} cannot be replaced over the air`);
    if (this.update?.isOver === false)
      throw new EdgelessError("EDGELESS_REJECTED", `an update of ${name} is on its way already`);
    const update = this.#updateOf(newUpdate(firmware, bootNonce));
    const former = this.update;
    this.update = update;
    try {
      await this.#around.saved.write([change.update(this.nodeId, update.record)]);
    } catch (error) {
      update.close();
      this.update = former;
      throw error;
    }
    this.#link.pump();
    return update;
  }

  /** The room that the device told of last may not be all by now: before somebody tries again it is asked. */
  #askAgain(): void {
    this.plan.isDoubtful = true;
    this.#unsettle();
  }

  #updateOf(record: UpdateRecord): FirmwareUpdate {
    const { clock, logger } = this.#around;
    const update = new FirmwareUpdate(record, clock, () => {
      const { version, state, reason } = update;
      this.#write([change.update(this.nodeId, update.record)]);
      if (!update.isOver) return;
      const fields = { device: this.name, version, state, reason };
      logger[state === "done" ? "info" : "warn"]("the update of a device ended", fields);
    });
    return update;
  }

  /** Stops everything. */
  async reset(): Promise<void> {
    this.#drops++;
    for (const { record } of this.plan.instances) this.#memory.remove(record.functionId, record.handle);
    await this.#removed(this.plan.removeAll());
  }

  /** The virtual node ends: nothing should run here any more, and nothing is sent. */
  async dismiss(): Promise<void> {
    this.events.close();
    await this.reset();
    this.plan.leftovers = [];
  }

  /** Writes down the record of the device. */
  save(): Promise<void> {
    return this.#around.saved.write([change.device(this.record)]);
  }

  /** Writes down the record of the device as soon as it can be. */
  saveSoon(): Promise<void> {
    return this.#around.saved.owe([change.device(this.record)]);
  }

  /** Removes everything that is kept of the device. */
  async forget(): Promise<void> {
    await this.dismiss();
    const { nodeId } = this;
    const states = [...this.#states.keys()].map((key) => change.noState(nodeId, key));
    const own = [change.noDevice(nodeId), change.noReferences(nodeId), change.noUpdate(nodeId)];
    await this.#around.saved.write([...own, ...states]);
  }

  /** Ends the link; what is kept stays. */
  close(): void {
    this.#link.close();
    this.events.close();
    this.update?.close();
  }

  /** Looks for something to do. */
  wake(): void {
    this.#unsettle();
  }

  #restore({ instances, references, update }: SavedDevice): void {
    if (update !== undefined) this.update = this.#updateOf(update);
    this.events.references.restore(references);
    for (const record of instances) {
      const instance = this.plan.add(record);
      if (record.neededBytes !== undefined) this.#memory.add(record.functionId, record.neededBytes);
      if (record.digest !== undefined && this.#around.images.bytesOf(record.digest) === undefined)
        this.plan.failed(instance, "its image is missing in the state of the gateway");
      this.events.routes.restore(record.functionId, record.outputs);
    }
    this.plan.isDoubtful = true;
  }

  #applicant(): Applicant {
    const { name, facts } = this.record;
    return { name, facts, freeMemoryBytes: this.#availableBytes(), instances: this.plan.size };
  }

  #availableBytes(): number {
    return this.#memory.availableBytes((id) => this.plan.find(id)?.isRefused === false);
  }

  #reportMemory(freeBytes: number): void {
    this.freeMemoryBytes = freeBytes;
    const { plan } = this;
    this.#memory.reported(
      freeBytes,
      (id) => plan.find(id)?.record.handle !== undefined,
      (handle) => plan.leftovers.some((leftover) => leftover.handle === handle),
    );
  }

  async #add(record: InstanceRecord, changes: readonly StoreChange[]): Promise<InstanceId> {
    this.plan.add(record);
    try {
      await this.#around.saved.write([...changes, change.instance(this.nodeId, record)]);
    } catch (error) {
      this.plan.remove(record.functionId);
      this.#memory.remove(record.functionId, record.handle);
      if (record.digest !== undefined) this.#around.images.release(record.digest);
      this.#unsettle();
      throw error;
    }
    this.#unsettle();
    return { nodeId: this.nodeId, functionId: record.functionId };
  }

  async #removed(instances: readonly PlannedInstance[]): Promise<void> {
    const { images, saved } = this.#around;
    const changes: StoreChange[] = [];
    for (const { record } of instances) {
      const { functionId, digest, statePolicy } = record;
      this.events.forget(functionId);
      changes.push(change.noInstance(this.nodeId, functionId));
      if (statePolicy !== "node-local" && this.#states.delete(functionId))
        changes.push(change.noState(this.nodeId, functionId));
      if (digest !== undefined && images.release(digest)) changes.push(change.noImage(digest));
    }
    this.#unsettle();
    if (changes.length > 0) await saved.owe(changes);
  }

  #next(): Work | undefined {
    if (!this.record.isPresent) return undefined;
    const { clock, images, metrics, settings } = this.#around;
    if (!this.#isSettled) {
      const command = nextCommand(this.plan, clock.monotonicMs());
      if (command !== undefined)
        return workOf(command, {
          plan: this.plan,
          imageOf: (digest) => images.bytesOf(digest),
          stateOf: (record) => this.#states.get(stateKeyOf(record)),
          maxRunTimeMs: settings.maxRunTimeMs,
          maxMemoryBytes: 0,
          asked: (status) => this.#asked(status),
          disowned: () => this.onAnswer(false),
          changed: (instances) => this.#saveInstances(instances),
          counted: (type, outcome) => metrics.command(type, outcome),
        });
      // A step that waits for its time keeps the question open.
      this.#isSettled = nextDueMs(this.plan) === undefined;
    }
    return this.events.next() ?? this.update?.next();
  }

  #asked(status: DeviceStatus): void {
    this.uptimeSeconds = status.uptimeSeconds;
    this.counters = status.counters;
    if (this.plan.asked(status, this.record.bootNonce)) {
      this.events.rebooted();
      this.record.bootNonce = status.bootNonce;
      this.#write([change.device(this.record)]);
    }
    this.#reportMemory(status.freeMemoryBytes);
    this.#saveInstances(this.plan.instances);
    this.onAnswer(true);
  }

  #saveInstances(instances: readonly PlannedInstance[]): void {
    const there = instances.filter(({ record }) => this.plan.find(record.functionId) !== undefined);
    this.#write(there.map(({ record }) => change.instance(this.nodeId, record)));
    this.onStatusChange();
  }

  #write(changes: readonly StoreChange[]): void {
    if (changes.length > 0) void this.#around.saved.owe(changes);
  }

  #unsettle(): void {
    this.#isSettled = false;
    this.onStatusChange();
    this.#link.pump();
  }
}

function earliest(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}
