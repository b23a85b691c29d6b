import type { Patch, Result } from "../../core/api.js";
import type { Clock } from "../../core/clock.js";
import { EdgelessError } from "../../core/errors.js";
import {
  type Event,
  type EventData,
  isAnswer,
  TIMESTAMP_ZERO,
  timestampFromMs,
  timestampToMs,
} from "../../core/event.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import type { ResourceSpecification } from "../../core/specification.js";
import type { InstanceStatus } from "../../core/status.js";
import { FUNCTION_ID_NONE, randomUuid, type Uuid } from "../../core/uuid.js";
import type { SendEvent } from "../../grpc-api/data-plane/receiver.js";
import { Bridge, type Half } from "./bridge.js";
import type { BridgeMeter } from "./bridge-meter.js";
import type { BridgeSettings } from "./bridge-settings.js";
import { type ForwardedCall, ForwardedCalls } from "./forwarded-calls.js";
import { readHalfRequest, type Side } from "./half-request.js";

/** What a {@link BridgeTable} works with. */
export interface BridgeTableParts {
  /** Name of the local domain. */
  readonly domain: string;
  readonly nodeIds: Readonly<Record<Side, Uuid>>;
  readonly send: Readonly<Record<Side, SendEvent>>;
  readonly meter: BridgeMeter;
  readonly settings: BridgeSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** All bridges of an ε-BAL: joins the halves that the two ε-ORCs start and carries events over. */
export class BridgeTable {
  readonly #parts: BridgeTableParts;
  readonly #bridges = new Map<string, Bridge>();
  readonly #halves: Readonly<Record<Side, Map<Uuid, Half>>> = { local: new Map(), portal: new Map() };
  readonly #calls: ForwardedCalls;

  constructor(parts: BridgeTableParts) {
    this.#parts = parts;
    this.#calls = new ForwardedCalls(parts, parts.settings, (call) => {
      parts.meter.lost("call-timeout", 1);
      this.#answer(call.call, { type: "err" });
    });
  }

  get size(): number {
    return this.#bridges.size;
  }

  /** Events and calls that wait. */
  get waiting(): { readonly events: number; readonly calls: number } {
    let events = 0;
    for (const bridge of this.#bridges.values()) events += bridge.waiting;
    return { events, calls: this.#calls.size };
  }

  /** Starts one half; the refusal names the key that is wrong. */
  start(side: Side, specification: ResourceSpecification): Result<InstanceId> {
    const { domain, nodeIds, random, logger } = this.#parts;
    const read = readHalfRequest(specification, side, domain);
    if (!read.ok) return refusal(read.reason);
    const { role, bridge: key } = read.request;
    const known = this.#bridges.get(key);
    if (known !== undefined && known.role !== role)
      return refusal(`role is ${role}, but the other half is a ${known.role}`);
    const bridge = known ?? this.#create(key, role);
    const id = { nodeId: nodeIds[side], functionId: randomUuid(random) };
    this.#halves[side].set(id.functionId, bridge.add(id, side));
    logger.info("half of a bridge started", { bridge: key, role, side, instance: id.functionId });
    return { ok: true, value: id };
  }

  /** Stops one half; an unknown id is no error. Whoever waits for an answer through it gets an error. */
  stop(side: Side, functionId: Uuid): void {
    const half = this.#halves[side].get(functionId);
    if (half === undefined) return;
    this.#halves[side].delete(functionId);
    for (const { call } of this.#calls.take(half)) this.#answer(call, { type: "err" });
    const { bridge } = half;
    bridge.remove(half);
    if (bridge.isEmpty) this.#bridges.delete(bridge.key);
  }

  /**
   * Wires one half, again whenever its target was created again; without the channel `out` events wait.
   * @throws EdgelessError EDGELESS_UNKNOWN_INSTANCE
   */
  patch(side: Side, { source, outputs }: Patch<InstanceId>): void {
    const half = this.#halves[side].get(source);
    if (half === undefined)
      throw new EdgelessError("EDGELESS_UNKNOWN_INSTANCE", `there is no resource ${source} on this node`);
    const output = outputs.get("out");
    half.bridge.wire(half, output?.functionId === FUNCTION_ID_NONE ? undefined : output);
  }

  /** Stops all halves on one side; those on the other side stay and are joined with their successors. */
  reset(side: Side): void {
    for (const functionId of [...this.#halves[side].keys()]) this.stop(side, functionId);
  }

  statuses(side: Side): InstanceStatus[] {
    return [...this.#halves[side].keys()].map((functionId) => ({
      ...{ functionId, state: "running", restarts: 0, reason: "" },
    }));
  }

  /** Takes an event that came to one side; false when it is for nobody here. */
  deliver(side: Side, event: Event): boolean {
    const half = this.#halves[side].get(event.target.functionId);
    if (half === undefined) return false;
    if (isAnswer(event.data)) this.#takeAnswer(event);
    else if (half.bridge.entrySide === side) this.#enter(event, half.bridge);
    else this.#lose([event], "wrong-end");
    return true;
  }

  #create(key: string, role: Bridge["role"]): Bridge {
    const bridge = new Bridge(key, role, {
      ...{ clock: this.#parts.clock, settings: this.#parts.settings },
      forward: (event, exit, target) => this.#forward(event, exit, target),
      lose: (events) => this.#lose(events, "not-wired"),
    });
    this.#bridges.set(key, bridge);
    return bridge;
  }

  #enter(event: Event, bridge: Bridge): void {
    const { meter, clock } = this.#parts;
    const ageMs = clock.wallMs() - timestampToMs(event.created);
    const local = bridge.halfOn("local");
    if (local !== undefined) meter.transferred(local.id.functionId, Math.max(0, ageMs / 1000));
    bridge.take(event);
  }

  /** The trace of the event goes on; its time of creation is new, as each transfer is measured by itself. */
  #forward(event: Event, exit: Half, target: InstanceId): void {
    const { clock, meter, send } = this.#parts;
    const { data, metadata } = event;
    const startedMs = clock.monotonicMs();
    let streamId: bigint | undefined = 0n;
    if (data.type === "call") streamId = this.#calls.begin(event, exit, target);
    if (streamId === undefined) {
      this.#lose([event], "too-many-calls");
      return;
    }
    const created = timestampFromMs(clock.wallMs());
    send[exit.side]({ target, source: exit.id, streamId, data, created, metadata });
    meter.forwarded(exit.bridge.role, data.type);
    if (data.type === "cast") this.#executed(exit.bridge, startedMs);
  }

  #takeAnswer(answer: Event): void {
    const forwarded = this.#calls.settle(answer);
    if (forwarded === undefined) return;
    this.#executed(forwarded.bridge, forwarded.startedMs);
    this.#answer(forwarded.call, answer.data);
  }

  #executed(bridge: Bridge, startedMs: ForwardedCall["startedMs"]): void {
    const local = bridge.halfOn("local");
    if (local === undefined) return;
    const { meter, clock } = this.#parts;
    meter.executed(local.id.functionId, (clock.monotonicMs() - startedMs) / 1000);
  }

  #lose(events: readonly Event[], reason: string): void {
    this.#parts.meter.lost(reason, events.length);
    for (const event of events) if (event.data.type === "call") this.#answer(event, { type: "err" });
  }

  /** Answers a call on the side where it came in. */
  #answer(call: Event, data: EventData): void {
    const side = call.target.nodeId === this.#parts.nodeIds.local ? "local" : "portal";
    const { source: target, target: source, streamId, metadata } = call;
    this.#parts.send[side]({ target, source, streamId, data, created: TIMESTAMP_ZERO, metadata });
  }
}

function refusal(detail: string): Result<InstanceId> {
  return { ok: false, error: { summary: "Invalid resource configuration", detail } };
}
