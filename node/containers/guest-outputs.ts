import {
  type Event,
  type EventData,
  type EventMetadata,
  TIMESTAMP_ZERO,
  timestampFromMs,
} from "../../core/event.js";
import type { CallOutcome } from "../../core/guest-api.js";
import type { InstanceId } from "../../core/instance-id.js";
import { EarlyCasts } from "../functions/early-casts.js";
import { FIRST_METADATA } from "../functions/first-metadata.js";
import type { Sending } from "../functions/guest-imports.js";
import type { ContainerEnvironment } from "./container-environment.js";

const CAST_STREAM = 0n;
const ERR: CallOutcome = { type: "err" };
/** Names of unmapped outputs that are remembered, so that each is logged once. */
const REMEMBERED_NAMES = 100;
/** Calls of one function that may wait for their answers at a time. */
const MOST_CALLS = 256;

/** What one function in a container sends: its output wiring, the calls that wait, and the trace context of its events. */
export class GuestOutputs {
  readonly #self: InstanceId;
  readonly #environment: ContainerEnvironment;
  readonly #early: EarlyCasts;
  readonly #reported = new Set<string>();
  /** Calls that wait for the first wiring. */
  readonly #held = new Set<() => void>();
  #outputs: ReadonlyMap<string, InstanceId> = new Map();
  #metadata: EventMetadata | undefined;
  #calls = 0;
  #closed = false;

  constructor(self: InstanceId, environment: ContainerEnvironment) {
    this.#self = self;
    this.#environment = environment;
    this.#early = new EarlyCasts(environment.clock, environment.budget);
  }

  /** Replaces the wiring; what was sent before the first one follows. */
  patch(outputs: ReadonlyMap<string, InstanceId>): void {
    this.#outputs = outputs;
    this.#reported.clear();
    const { casts, expired } = this.#early.close();
    if (expired > 0) this.#environment.telemetry.dropped("unmapped-output", expired, this.#self.functionId);
    for (const { alias, payload, metadata } of casts) {
      const target = this.#lookup(alias);
      if (target === undefined) this.#lost(alias);
      else this.#send(target, CAST_STREAM, { type: "cast", payload }, metadata);
    }
    for (const release of this.#held) release();
  }

  /** An event was handed to the function: what it sends from now on belongs to the same trace. */
  received(metadata: EventMetadata): void {
    this.#metadata = metadata;
  }

  cast(alias: string, payload: string): void {
    const target = this.#lookup(alias);
    if (target !== undefined) this.castRaw(target, payload, "cast");
    else this.#castNowhere(alias, payload, this.#metadataOf("cast"));
  }

  castRaw(target: InstanceId, payload: string, sending: Sending = "cast-raw"): void {
    this.#send(target, CAST_STREAM, { type: "cast", payload }, this.#metadataOf(sending));
  }

  /** The target is chosen now, or when time is up if nothing is wired yet; an unknown output is an error to nobody. */
  delayedCast(alias: string, payload: string, delayMs: number): void {
    const known = this.#lookup(alias);
    if (known === undefined && this.#early.leftMs === 0) {
      this.#lost(alias);
      return;
    }
    const metadata = this.#metadataOf("delayed-cast");
    const send = () => {
      const target = known ?? this.#lookup(alias);
      if (target === undefined) this.#castNowhere(alias, payload, metadata);
      else this.#send(target, CAST_STREAM, { type: "cast", payload }, metadata);
    };
    const { delayed, telemetry } = this.#environment;
    if (!delayed.add(this.#self.functionId, payload, delayMs, send))
      telemetry.dropped("timers-full", 1, this.#self.functionId);
  }

  /** Waits for the first wiring if there was none. */
  async call(alias: string, payload: string): Promise<CallOutcome> {
    const target = this.#lookup(alias) ?? (await this.#lookupLater(alias));
    if (target !== undefined) return await this.callRaw(target, payload);
    this.#lost(alias);
    return ERR;
  }

  /** Resolves when the callee has answered, with `err` when it does not in time or this function stops. */
  async callRaw(target: InstanceId, payload: string): Promise<CallOutcome> {
    if (this.#closed || this.#calls >= MOST_CALLS) return ERR;
    this.#calls++;
    try {
      const metadata = this.#metadataOf("call");
      const outcome = await this.#environment.calls.begin(this.#self.functionId, target, (streamId) =>
        this.#send(target, streamId, { type: "call", payload }, metadata),
      );
      if (outcome.type === "call-ret") return { type: "reply", payload: outcome.payload };
      return outcome.type === "call-no-ret" ? { type: "no-reply" } : ERR;
    } finally {
      this.#calls--;
    }
  }

  /** Answers a call that was made to this function. */
  answer(event: Event, outcome: CallOutcome): void {
    const { target, source, streamId, metadata } = event;
    const data = dataOf(outcome);
    this.#environment.telemetry.sent(this.#self.functionId, 1);
    this.#environment.route({
      target: source,
      source: target,
      streamId,
      data,
      created: TIMESTAMP_ZERO,
      metadata,
    });
  }

  /** Ends the calls that wait, and refuses new ones. */
  stop(): void {
    this.#closed = true;
    for (const release of this.#held) release();
    this.#environment.calls.cancel(this.#self.functionId);
  }

  /** Counts what never found a target. */
  close(): void {
    this.stop();
    const { casts, expired } = this.#early.close();
    const lost = casts.length + expired;
    if (lost > 0) this.#environment.telemetry.dropped("unmapped-output", lost, this.#self.functionId);
  }

  #lookup(alias: string): InstanceId | undefined {
    return alias === "self" ? this.#self : this.#outputs.get(alias);
  }

  /** The target of an output when the instance is wired for the first time, or undefined when that does not come in time. */
  #lookupLater(alias: string): Promise<InstanceId | undefined> {
    const { leftMs } = this.#early;
    if (leftMs === 0 || this.#closed || this.#held.size >= MOST_CALLS) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const release = () => {
        timer.cancel();
        this.#held.delete(release);
        resolve(this.#lookup(alias));
      };
      const timer = this.#environment.clock.setTimer(leftMs, release);
      this.#held.add(release);
    });
  }

  #castNowhere(alias: string, payload: string, metadata: EventMetadata): void {
    if (!this.#early.keep({ alias, payload, metadata })) this.#lost(alias);
  }

  #lost(alias: string): void {
    this.#environment.telemetry.dropped("unmapped-output", 1, this.#self.functionId);
    if (this.#reported.has(alias) || this.#reported.size >= REMEMBERED_NAMES) return;
    this.#reported.add(alias);
    this.#environment.logger.warn("a function uses an output that is not mapped", {
      functionId: this.#self.functionId,
      output: alias.slice(0, 100),
    });
  }

  #send(target: InstanceId, streamId: bigint, data: EventData, metadata: EventMetadata): void {
    const created = timestampFromMs(this.#environment.clock.wallMs());
    this.#environment.telemetry.sent(this.#self.functionId, 1);
    this.#environment.route({ target, source: this.#self, streamId, data, created, metadata });
  }

  #metadataOf(sending: Sending): EventMetadata {
    return this.#metadata ?? FIRST_METADATA[sending];
  }
}

function dataOf(outcome: CallOutcome): EventData {
  if (outcome.type === "reply") return { type: "call-ret", payload: outcome.payload };
  return { type: outcome.type === "no-reply" ? "call-no-ret" : "err" };
}
