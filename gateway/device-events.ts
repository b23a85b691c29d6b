import {
  CHANGED,
  FORBIDDEN,
  isSuccess,
  NOT_FOUND,
  POST,
  SERVICE_UNAVAILABLE,
} from "../coap-api/coap/codes.js";
import { ABSENT, type Message } from "../coap-api/coap/message.js";
import {
  CALL,
  CAST,
  ERROR,
  encodeDownlinkEvent,
  NO_REPLY,
  NONE,
  REPLY,
  type UplinkEvent,
} from "../coap-api/operations/event.js";
import type { Clock } from "../core/clock.js";
import {
  type Event,
  type EventData,
  isAnswer,
  METADATA_NONE,
  TIMESTAMP_ZERO,
  timestampFromMs,
} from "../core/event.js";
import { type InstanceId, sameInstance } from "../core/instance-id.js";
import type { Random } from "../core/random.js";
import type { Uuid } from "../core/uuid.js";
import { errorAnswer } from "../grpc-api/data-plane/error-answer.js";
import type { SendEvent } from "../grpc-api/data-plane/receiver.js";
import type { Work } from "./device-link.js";
import type { DevicePlan } from "./device-plan.js";
import type { DeviceSettings } from "./device-settings.js";
import type { DropReason } from "./drop-reason.js";
import { EventLanes, type QueuedEvent } from "./event-lanes.js";
import type { HandOvers } from "./hand-overs.js";
import { PeerReferences } from "./peer-references.js";
import { PendingCalls } from "./pending-calls.js";
import { RouteTable } from "./route-table.js";

/** What {@link DeviceEvents} works with. */
export interface DeviceEventsParts {
  readonly plan: DevicePlan;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: DeviceSettings;
  /** Largest payload that the device takes, bytes. */
  readonly maxPayloadBytes: () => number;
  /** Takes an event for any instance. */
  readonly send: SendEvent;
  /** Events that were sent and whose receivers do not have them yet. */
  readonly handOvers: HandOvers;
  /** True when an event for an instance of this node would be lost now because too many wait. */
  readonly isCongested: (target: InstanceId) => boolean;
  readonly dropped: (reason: DropReason, count: number) => void;
  readonly counted: (direction: "up" | "down", kind: EventData["type"]) => void;
  /** There is something to send. */
  readonly wake: () => void;
  /** The device was found to know less than it should; its wiring or instances have to be looked at. */
  readonly unsettled: () => void;
  /** A number was given to a foreign instance. */
  readonly referenced: (references: PeerReferences) => void;
}

/** Answer to an event of a device. */
export interface Verdict {
  readonly code: number;
  /** Why it was not taken. */
  readonly reason?: string;
  /** Seconds; with 5.03. */
  readonly maxAge?: number;
}

/** A call of an instance on the device, on its way. */
interface OwnCall {
  readonly stream: number;
  readonly callee: InstanceId;
  /** Tells the device that its call was taken, if it was not told yet: the answer comes after that. */
  readonly taken: () => void;
}

const NOTHING = new Uint8Array(0);
const TAKEN: Verdict = { code: CHANGED };
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const STREAMS = 0x100000000;
/** Longest that an instance that is busy may ask for, milliseconds. */
const LONGEST_REST_MS = 30_000;
const SHORTEST_REST_MS = 100;

/** The events of one device, in both directions, with the numbers that stand for instances, channels and calls. */
export class DeviceEvents {
  readonly routes: RouteTable;
  readonly references: PeerReferences;
  readonly #parts: DeviceEventsParts;
  readonly #lanes: EventLanes;
  /** Calls of the device by the stream id that its peers see. */
  readonly #ownCalls: PendingCalls<bigint, OwnCall>;
  /** Calls to the device by the number that the device sees. */
  readonly #foreignCalls: PendingCalls<number, Event>;
  #lastStream: number;

  constructor(parts: DeviceEventsParts) {
    const { clock, random, settings } = parts;
    this.#parts = parts;
    this.routes = new RouteTable(clock);
    this.references = new PeerReferences(settings.references);
    this.#lanes = new EventLanes(settings.queueEvents);
    this.#ownCalls = new PendingCalls(clock, settings.pendingCalls);
    this.#foreignCalls = new PendingCalls(clock, settings.pendingCalls);
    // Another start than in a former life: a late answer must not be taken for one of today.
    const start = random.fill(new Uint8Array(2));
    this.#lastStream = ((start[0] as number) << 8) | (start[1] as number);
  }

  /** Events that wait for the device. */
  get queueLength(): number {
    return this.#lanes.length;
  }

  get isFull(): boolean {
    return this.#lanes.isFull;
  }

  /**
   * Takes an event of an instance on the device.
   * @param answer is given the verdict once: for an event that is passed on, when its receiver has it, because until then the device
   * is the one that would send it again. It does not wait longer than `handOvers` says, or for a peer that cannot be reached.
   */
  uplink(event: UplinkEvent, answer: (verdict: Verdict) => void): void {
    const refused = this.#take(event, () => answer(TAKEN));
    if (refused !== undefined) answer(refused);
  }

  /** Undefined when the event is on its way, after which `taken` runs. */
  #take(event: UplinkEvent, taken: () => void): Verdict | undefined {
    if (event.kind > CALL) return this.#answered(event, taken);
    const route = event.route === NONE ? undefined : this.routes.find(event.route);
    const source = route?.source ?? this.#parts.plan.findByHandle(event.handle)?.record.functionId;
    const target = event.route === NONE ? this.references.instanceOf(event.peer) : route?.target;
    if (source === undefined || target === undefined) return this.#unknown(event);
    const payload = readText(event.payload);
    if (payload === undefined) return this.#refuse("not-utf-8", 0x80);
    if (this.#parts.isCongested(target)) return this.#overloaded("overload");
    const from = { nodeId: this.#parts.plan.nodeId, functionId: source };
    if (event.kind === CALL) return this.#call(from, target, payload, event.stream, taken);
    this.#send(from, target, 0n, { type: "cast", payload }, this.#parts.handOvers.begin(taken));
    return undefined;
  }

  /** Takes an event for an instance on the device; false when there is no such instance. */
  deliver(event: Event): boolean {
    const { plan, clock, settings } = this.#parts;
    if (isAnswer(event.data)) {
      this.#takeAnswer(event);
      return true;
    }
    const instance = plan.find(event.target.functionId);
    if (instance === undefined || instance.state === "failed") return false;
    const payload = ENCODER.encode("payload" in event.data ? event.data.payload : "");
    if (payload.length > this.#parts.maxPayloadBytes()) this.#lose([event], "payload-too-large");
    else if (this.#lanes.isFull) this.#lose([event], "device-queue-full");
    else if (event.data.type === "call" && this.#foreignCalls.isFull) this.#lose([event], "too-many-calls");
    else {
      const stream = event.data.type === "call" ? this.#nextStream() : undefined;
      if (stream !== undefined)
        this.#foreignCalls.add(stream, event, settings.callTimeoutMs, () => this.#fail(event));
      this.#lanes.push({ event, payload, stream, sinceMs: clock.monotonicMs() });
      this.#parts.wake();
    }
    return true;
  }

  /** The next event or answer to send to the device. */
  next(): Work | undefined {
    const { plan, clock, settings } = this.#parts;
    const answer = this.#lanes.takeAnswer();
    if (answer !== undefined) {
      const { kind, payload, stream } = answer;
      const bytes = encodeDownlinkEvent({ kind, payload, stream, handle: NONE, peer: NONE });
      return this.#post(bytes, (response) => {
        if (response === undefined || !isSuccess(response.code)) this.#parts.dropped("device-refused", 1);
      });
    }
    const nowMs = clock.monotonicMs();
    this.#loseQueued(this.#lanes.expire(nowMs - settings.queueAgeMs), "expired");
    const queued = this.#lanes.take(nowMs, (id) => plan.find(id)?.record.handle !== undefined);
    return queued === undefined ? undefined : this.#transfer(queued);
  }

  /** When {@link next} may have something again by itself, monotonic milliseconds. */
  nextMs(): number | undefined {
    return this.#lanes.nextMs(this.#parts.clock.monotonicMs());
  }

  /** An instance is stopped: nothing more comes for it. */
  forget(functionId: Uuid): void {
    this.routes.remove(functionId);
    this.#loseQueued(this.#lanes.remove(functionId), "instance-stopped");
  }

  /** The device lost what it was doing: nobody will answer the calls that it has taken. */
  rebooted(): void {
    this.#ownCalls.takeAll();
    for (const call of this.#foreignCalls.takeAll()) this.#fail(call);
  }

  /** The device is gone. */
  close(): void {
    this.#loseQueued(this.#lanes.clear(), "device-left");
    this.rebooted();
    this.routes.clear();
  }

  #call(
    from: InstanceId,
    target: InstanceId,
    payload: string,
    stream: number,
    done: () => void,
  ): Verdict | undefined {
    if (this.#ownCalls.isFull) return this.#overloaded("too-many-calls");
    const streamId = this.#drawStreamId();
    const taken = this.#parts.handOvers.begin(done);
    this.#ownCalls.add(streamId, { stream, callee: target, taken }, this.#parts.settings.callTimeoutMs, () =>
      this.#answerDevice(ERROR, NOTHING, stream),
    );
    this.#send(from, target, streamId, { type: "call", payload }, taken);
    return undefined;
  }

  #send(
    source: InstanceId,
    target: InstanceId,
    streamId: bigint,
    data: EventData,
    settled: () => void,
  ): void {
    const { clock, send, counted } = this.#parts;
    counted("up", data.type);
    const created = timestampFromMs(clock.wallMs());
    send({ source, target, streamId, data, created, metadata: METADATA_NONE }, settled);
  }

  /** The device answered a call. */
  #answered({ kind, stream, payload }: UplinkEvent, taken: () => void): Verdict | undefined {
    const text = kind === REPLY ? readText(payload) : "";
    if (text === undefined) return this.#refuse("not-utf-8", 0x80);
    const call = this.#foreignCalls.take(stream);
    if (call === undefined) {
      this.#parts.dropped("late-answer", 1);
      return TAKEN;
    }
    const data: EventData =
      kind === REPLY
        ? { type: "call-ret", payload: text }
        : kind === NO_REPLY
          ? { type: "call-no-ret" }
          : { type: "err" };
    this.#parts.counted("up", data.type);
    const { source, target, streamId, metadata } = call;
    const event = { target: source, source: target, streamId, data, created: TIMESTAMP_ZERO, metadata };
    this.#parts.send(event, this.#parts.handOvers.begin(taken));
    return undefined;
  }

  /** A call of the device was answered. */
  #takeAnswer(event: Event): void {
    const call = this.#ownCalls.peek(event.streamId);
    if (call === undefined || !sameInstance(call.callee, event.source)) {
      this.#parts.dropped("late-answer", 1);
      return;
    }
    this.#ownCalls.take(event.streamId);
    call.taken();
    const { data } = event;
    this.#parts.counted("down", data.type);
    if (data.type === "call-ret") {
      const payload = ENCODER.encode(data.payload);
      if (payload.length <= this.#parts.maxPayloadBytes()) {
        this.#answerDevice(REPLY, payload, call.stream);
        return;
      }
      this.#parts.dropped("payload-too-large", 1);
    }
    this.#answerDevice(data.type === "call-no-ret" ? NO_REPLY : ERROR, NOTHING, call.stream);
  }

  #answerDevice(kind: number, payload: Uint8Array, stream: number): void {
    if (this.#lanes.pushAnswer({ kind, payload, stream })) this.#parts.wake();
    else this.#parts.dropped("device-queue-full", 1);
  }

  #transfer(queued: QueuedEvent): Work | undefined {
    const { event, payload, stream } = queued;
    const handle = this.#parts.plan.find(event.target.functionId)?.record.handle ?? NONE;
    if (stream !== undefined && !this.#foreignCalls.has(stream)) return this.next();
    const { number: peer, isNew } = this.references.numberOf(event.source);
    if (isNew) this.#parts.referenced(this.references);
    const kind = stream === undefined ? CAST : CALL;
    const bytes = encodeDownlinkEvent({ kind, handle, payload, peer, stream: stream ?? NONE });
    return this.#post(bytes, (response) => this.#transferred(queued, response));
  }

  #transferred(queued: QueuedEvent, response: Message | undefined): void {
    if (response === undefined) this.#loseQueued([queued], "device-unreachable");
    else if (isSuccess(response.code)) this.#parts.counted("down", queued.event.data.type);
    else if (response.code === SERVICE_UNAVAILABLE) {
      const restMs = response.maxAge === ABSENT ? 1_000 : response.maxAge * 1_000;
      const { clock } = this.#parts;
      const boundedMs = Math.min(Math.max(restMs, SHORTEST_REST_MS), LONGEST_REST_MS);
      this.#lanes.hold(queued, clock.monotonicMs() + boundedMs);
    } else {
      this.#loseQueued([queued], response.code === NOT_FOUND ? "unknown-instance" : "device-refused");
      if (response.code === NOT_FOUND || response.code === FORBIDDEN) {
        this.#parts.plan.isDoubtful = true;
        this.#parts.unsettled();
      }
    }
  }

  #post(payload: Uint8Array, settle: (response: Message | undefined) => void): Work {
    return {
      request: { code: POST, path: "e", payload },
      done: (response) => {
        settle(response);
        return undefined;
      },
    };
  }

  #unknown(event: UplinkEvent): Verdict {
    const isRoute = event.route !== NONE;
    if (isRoute) {
      this.#parts.plan.wiringLost();
      this.#parts.unsettled();
    }
    return this.#refuse(isRoute ? "unknown-route" : "unknown-reference", NOT_FOUND);
  }

  /** The device keeps the event and offers it again: nothing is lost. */
  #overloaded(reason: string): Verdict {
    return { code: SERVICE_UNAVAILABLE, reason, maxAge: this.#parts.settings.overloadSeconds };
  }

  #refuse(reason: DropReason, code: number): Verdict {
    this.#parts.dropped(reason, 1);
    return { code, reason };
  }

  #loseQueued(all: readonly QueuedEvent[], reason: DropReason): void {
    for (const { stream } of all) if (stream !== undefined) this.#foreignCalls.take(stream);
    this.#lose(
      all.map(({ event }) => event),
      reason,
    );
  }

  #lose(events: readonly Event[], reason: DropReason): void {
    if (events.length > 0) this.#parts.dropped(reason, events.length);
    for (const event of events) this.#fail(event);
  }

  /** Tells a caller that no answer will come. */
  #fail(call: Event): void {
    const answer = errorAnswer(call);
    if (answer !== undefined) queueMicrotask(() => this.#parts.send(answer));
  }

  #nextStream(): number {
    do this.#lastStream = (this.#lastStream + 1) % STREAMS;
    while (this.#foreignCalls.has(this.#lastStream));
    return this.#lastStream;
  }

  /** Above 2^32: below are the streams of casts and of small counters elsewhere. */
  #drawStreamId(): bigint {
    for (;;) {
      let id = 0n;
      for (const byte of this.#parts.random.fill(new Uint8Array(7))) id = (id << 8n) | BigInt(byte);
      id += 0x100000000n;
      if (!this.#ownCalls.has(id)) return id;
    }
  }
}

/** Answer to an event from an address that is no registered device. */
export const UNREGISTERED: Verdict = { code: FORBIDDEN };

function readText(bytes: Uint8Array): string | undefined {
  try {
    return DECODER.decode(bytes);
  } catch {
    return undefined;
  }
}
