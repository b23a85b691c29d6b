import type { Timers } from "../coap-api/endpoint/transport.js";
import { NOTHING } from "../coap-api/nothing.js";
import type { Counters } from "../coap-api/operations/counters.js";
import { CALL, ERROR, NONE } from "../coap-api/operations/event.js";
import { CRASHED } from "../coap-api/operations/instance-state.js";
import { FUNCTION } from "../coap-api/operations/register.js";
import { sameBytes } from "../coap-api/same-bytes.js";
import type { Device } from "./device.js";
import { createDeviceCounters, MAILBOX_FULL, NO_ROUTE, NOT_TAKEN } from "./device-counters.js";
import type { DeviceSettings } from "./device-settings.js";
import type { FunctionInstance } from "./function-instance.js";
import type { Hardware } from "./hardware.js";
import type { Delivery, Instance } from "./instance.js";

/** Where an event goes: to a route of the gateway, an instance of the device, or a peer; {@link NONE} where not. */
export interface Target {
  route: number;
  handle: number;
  peer?: number;
}

/** No target. */
export const NOWHERE: Target = { route: NONE, handle: NONE };

/** Name of the channel that leads back to the instance itself. */
const SELF = "self";

/**
 * The instances of a device and the events between them. An event from one instance to another on the device goes straight
 * into its mailbox; everything else goes to the gateway. Each turn handles one event, so that no function keeps the
 * device from its network for longer than one handler.
 */
export class Switchboard {
  readonly timers: Timers;
  readonly settings: DeviceSettings;
  /** Node id of the device, 16 bytes. */
  readonly nodeId: Uint8Array;
  readonly counters: Counters;
  readonly instances: Instance[];
  /** No event to the gateway would be taken now. */
  uplinkFull: boolean;
  /** The function that is being stopped: its calls fail at once. */
  stopping: Instance | undefined;
  /** A function runs now. */
  isRunning: boolean;
  private readonly hardware: Hardware;
  private readonly device: Device;
  private lastHandle: number;
  private lastStream: number;
  private turnTimer: number;
  private nextTurn: number;

  /** @param firstStream random, so that answers to calls from before a power cycle find nobody */
  constructor(
    hardware: Hardware,
    settings: DeviceSettings,
    nodeId: Uint8Array,
    firstStream: number,
    device: Device,
  ) {
    this.hardware = hardware;
    this.timers = hardware.timers;
    this.settings = settings;
    this.nodeId = nodeId;
    this.counters = createDeviceCounters();
    this.instances = [];
    this.uplinkFull = false;
    this.stopping = undefined;
    this.isRunning = false;
    this.device = device;
    this.lastHandle = 0;
    this.lastStream = firstStream;
    this.turnTimer = 0;
    this.nextTurn = 0;
  }

  instance(handle: number): Instance | undefined {
    for (let i = 0; i < this.instances.length; i++) {
      const instance = this.instances[i] as Instance;
      if (instance.handle === handle) return instance;
    }
    return undefined;
  }

  byId(id: Uint8Array): Instance | undefined {
    for (let i = 0; i < this.instances.length; i++) {
      const instance = this.instances[i] as Instance;
      if (sameBytes(instance.id, id)) return instance;
    }
    return undefined;
  }

  /** True when an instance runs the image with this digest. */
  runs(digest: string): boolean {
    for (let i = 0; i < this.instances.length; i++) {
      const instance = this.instances[i] as Instance;
      const isFunction = instance.kind === FUNCTION && instance.state !== CRASHED;
      if (isFunction && (instance as FunctionInstance).digest === digest) return true;
    }
    return false;
  }

  /** A handle that no instance has, one byte on the wire as long as possible. */
  freeHandle(): number {
    const handles = Math.max(255, 2 * this.settings.maxInstances);
    do this.lastHandle = (this.lastHandle % handles) + 1;
    while (this.instance(this.lastHandle) !== undefined);
    return this.lastHandle;
  }

  nextStream(): number {
    this.lastStream = (this.lastStream + 1) >>> 0;
    return this.lastStream;
  }

  count(counter: number): void {
    this.counters[counter] = (this.counters[counter] as number) + 1;
  }

  /** Ends an instance and forgets it. */
  remove(instance: Instance): void {
    instance.stop();
    const at = this.instances.indexOf(instance);
    if (at >= 0) this.instances.splice(at, 1);
    this.device.statusChanged();
  }

  /** Where a channel of an instance leads. */
  target(instance: Instance, channel: string): Target {
    if (channel === SELF) return { route: NONE, handle: instance.handle };
    const { outputs } = instance;
    for (let i = 0; i < outputs.length; i++) {
      const output = outputs[i];
      if (output !== undefined && output.channel === channel) return output;
    }
    return NOWHERE;
  }

  /** Sends an event from an instance; false, and counted, when it is lost. The payload is copied. */
  send(from: number, target: Target, kind: number, payload: Uint8Array, stream: number): boolean {
    const { route, handle, peer } = target;
    if (payload.length > this.settings.maxPayloadBytes) {
      this.count(NOT_TAKEN);
      return false;
    }
    if (handle !== NONE) return this.sendHere(from, handle, kind, payload, stream);
    if (route === NONE && peer === undefined) {
      this.count(NO_ROUTE);
      return false;
    }
    const sent = { kind, route, peer: peer === undefined ? NONE : peer, handle: from, stream, payload };
    return this.device.send(sent);
  }

  /** Sends the answer to a call, an error instead of one that is too long. The payload is copied. */
  reply(call: Delivery, kind: number, payload: Uint8Array): void {
    const { stream } = call;
    if (payload.length > this.settings.maxPayloadBytes) {
      this.count(NOT_TAKEN);
      this.reply(call, ERROR, NOTHING);
      return;
    }
    if (call.from !== NONE) this.answer(stream, kind, payload);
    else this.device.send({ kind, route: NONE, peer: NONE, handle: NONE, stream, payload });
  }

  /** Takes the answer to a call of an instance here; false when nobody waits for it. */
  answer(stream: number, kind: number, payload: Uint8Array): boolean {
    for (let i = 0; i < this.instances.length; i++) {
      const instance = this.instances[i] as Instance;
      if (instance.callStream !== stream) continue;
      instance.answer(kind, payload);
      return true;
    }
    return false;
  }

  /** A call did not reach anybody. */
  callFailed(stream: number): void {
    this.answer(stream, ERROR, NOTHING);
  }

  log(handle: number, level: number, target: Uint8Array, message: Uint8Array): void {
    this.device.log(handle, level, target, message);
  }

  keep(handle: number, state: Uint8Array): void {
    this.device.keep(handle, state);
  }

  changed(instance: Instance): void {
    instance.unreported = true;
    this.device.changed(instance);
  }

  /** The gateway does not know a route any more: nothing is sent there until the outputs are patched. */
  forgetRoute(route: number): void {
    for (let i = 0; i < this.instances.length; i++) {
      const instance = this.instances[i] as Instance;
      instance.outputs = instance.outputs.filter((output) => output.route !== route);
    }
  }

  /** Makes sure that everything that waits gets its turn. */
  schedule(): void {
    if (this.turnTimer !== 0 || this.readyInstance() === undefined) return;
    this.turnTimer = this.timers.set(0, () => {
      this.turnTimer = 0;
      const instance = this.readyInstance();
      if (instance !== undefined) {
        this.nextTurn = this.instances.indexOf(instance) + 1;
        instance.turn();
      }
      this.schedule();
    });
  }

  /** True when so many bytes more may be kept until somebody takes them. */
  hasRoomFor(bytes: number): boolean {
    return this.hardware.hasRoomFor(bytes, this.isRunning);
  }

  /** The next instance, in turn, that has something to do. */
  private readyInstance(): Instance | undefined {
    const count = this.instances.length;
    for (let i = 0; i < count; i++) {
      const instance = this.instances[(this.nextTurn + i) % count] as Instance;
      if (instance.isReady()) return instance;
    }
    return undefined;
  }

  private sendHere(from: number, handle: number, kind: number, payload: Uint8Array, stream: number): boolean {
    const instance = this.instance(handle);
    if (instance === undefined || instance.state === CRASHED) {
      this.count(NO_ROUTE);
      return false;
    }
    if (!instance.hasRoom() || !this.hasRoomFor(payload.length)) {
      this.count(MAILBOX_FULL);
      return false;
    }
    const copy = new Uint8Array(payload);
    instance.take({ kind, payload: copy, peer: NONE, from, stream: kind === CALL ? stream : NONE });
    return true;
  }
}
