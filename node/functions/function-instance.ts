import type { Timer } from "../../core/clock.js";
import { EdgelessError } from "../../core/errors.js";
import {
  type Event,
  type EventData,
  type EventMetadata,
  isAnswer,
  TIMESTAMP_ZERO,
  timestampFromMs,
  timestampToMs,
} from "../../core/event.js";
import { type InstanceId, sameInstance } from "../../core/instance-id.js";
import type { LogLevel } from "../../core/log.js";
import { RUST_WASM } from "../../core/specification.js";
import { errorAnswer } from "../../grpc-api/data-plane/error-answer.js";
import type { ExitStatus } from "../telemetry/telemetry.js";
import { EarlyCasts } from "./early-casts.js";
import { EventQueue } from "./event-queue.js";
import { FIRST_METADATA } from "./first-metadata.js";
import { faultOf, trap } from "./guest.js";
import { createGuestImports, type ImportContext, type ReplySlots, type Sending } from "./guest-imports.js";
import type { GuestMemory } from "./guest-memory.js";
import {
  CALL_ERROR,
  CALL_NO_REPLY,
  CALL_REPLY,
  type CallAnswer,
  GuestProtocol,
  type Progress,
} from "./guest-protocol.js";
import type { InstanceEnvironment, InstanceStart } from "./instance-environment.js";
import { RunTimeMeter } from "./run-time-meter.js";

/** Where an instance stands; `busy`: suspended in a call. */
type Phase = "created" | "idle" | "busy" | "ended";

/** The handler that runs or is suspended. */
type Work =
  | { readonly type: "init"; readonly startedMs: number }
  | { readonly type: "stop"; readonly startedMs: number }
  | { readonly type: "event"; readonly startedMs: number; readonly event: Event };

/** A call that waits: for its answer, or for the first wiring of the instance. */
type PendingCall = { readonly slots: ReplySlots; readonly timer: Timer } & (
  | { readonly type: "sent"; readonly streamId: bigint; readonly callee: InstanceId }
  | { readonly type: "held"; readonly alias: string; readonly payload: string }
);

const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug", "trace"];
const CAST_STREAM = 0n;
const WASM_PAGE = 65_536;
/** Events that a busy instance sends before it reports their number. */
const MOST_UNREPORTED = 64;
/** Names of unmapped outputs that are remembered, so that each is logged once. */
const REMEMBERED_NAMES = 100;

/**
 * One instance of a function: an actor with a mailbox that handles one event at a time.
 * {@link step} does one piece of work and never throws; the owner calls it while {@link ready}.
 */
export class FunctionInstance implements ImportContext {
  readonly self: InstanceId;
  readonly #start: InstanceStart;
  readonly #environment: InstanceEnvironment;
  readonly #mailbox: EventQueue;
  readonly #meter: RunTimeMeter;
  readonly #early: EarlyCasts;
  readonly #reported = new Set<string>();
  #oddLevelReported = false;
  #outputs: ReadonlyMap<string, InstanceId>;
  #phase: Phase = "created";
  #protocol: GuestProtocol | undefined;
  #work: Work | undefined;
  #metadata: EventMetadata | undefined;
  #pending: PendingCall | undefined;
  /** How the pending call ended; an error ends the instance. */
  #answer: EventData | EdgelessError | undefined;
  #stopping = false;
  /** Events sent and not yet reported. */
  #sent = 0;

  constructor(start: InstanceStart, environment: InstanceEnvironment) {
    this.self = { nodeId: environment.nodeId, functionId: start.functionId };
    this.#start = start;
    this.#environment = environment;
    this.#outputs = start.outputs ?? new Map();
    this.#mailbox = new EventQueue(environment.settings.mailboxCapacity, environment.budget);
    this.#meter = new RunTimeMeter(environment.clock, environment.settings.maxRunTimeMs);
    this.#early = new EarlyCasts(environment.clock, environment.budget);
    if (start.outputs !== undefined) this.#early.close();
  }

  /** True when {@link step} has something to do. */
  get ready(): boolean {
    if (this.#phase === "busy") return this.#answer !== undefined;
    if (this.#phase === "idle") return this.#stopping || this.#mailbox.length > 0;
    return this.#phase === "created";
  }

  /** Takes an event; it is handled in a later step. */
  accept(event: Event): void {
    if (isAnswer(event.data)) this.#acceptAnswer(event);
    else if (this.#phase === "ended" || this.#stopping) this.#lose(event, "instance-stopped");
    else if (this.#mailbox.push(event)) this.#environment.wake(this.self.functionId);
    else this.#lose(event, "mailbox-full");
  }

  /** Replaces the output wiring. */
  patch(outputs: ReadonlyMap<string, InstanceId>): void {
    this.#outputs = outputs;
    this.#reported.clear();
    const { casts, expired } = this.#early.close();
    if (expired > 0) this.#environment.telemetry.dropped("unmapped-output", expired, this.self.functionId);
    for (const { alias, payload, metadata } of casts) {
      const target = this.lookup(alias);
      if (target === undefined) this.#castLost(alias);
      else this.#send(target, CAST_STREAM, { type: "cast", payload }, metadata);
    }
    this.#sendHeldCall();
    this.#reportSent();
  }

  /** Asks for the end: after the running handler, whose calls fail from now on. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    if (this.#pending !== undefined) this.#settleCall({ type: "err" });
    this.#environment.wake(this.self.functionId);
  }

  /** Does one piece of work: instantiation and init, one event, the rest of a suspended handler, or the stop. */
  step(): void {
    if (!this.ready) return;
    if (this.#phase === "busy") this.#resume();
    else if (this.#phase === "created") this.#begin();
    else if (this.#stopping) this.#run({ type: "stop", startedMs: this.#nowMs() });
    else this.#handleNext();
  }

  // What follows until the next remark is the guest's view of the world.

  get memory(): GuestMemory | undefined {
    return this.#protocol?.memory;
  }

  lookup(alias: string): InstanceId | undefined {
    return alias === "self" ? this.self : this.#outputs.get(alias);
  }

  cast(target: InstanceId, payload: string, sending: Sending): void {
    this.#send(target, CAST_STREAM, { type: "cast", payload }, this.#metadataOf(sending));
  }

  castNowhere(alias: string, payload: string): void {
    if (!this.#early.keep({ alias, payload, metadata: this.#metadataOf("cast") })) this.#castLost(alias);
  }

  #castLost(alias: string): void {
    this.#environment.telemetry.dropped("unmapped-output", 1, this.self.functionId);
    if (this.#reported.has(alias) || this.#reported.size >= REMEMBERED_NAMES) return;
    this.#reported.add(alias);
    this.#environment.logger.warn("a function casts to an output that is not mapped", {
      functionId: this.self.functionId,
      output: alias.slice(0, 100),
    });
  }

  call(target: InstanceId, payload: string, slots: ReplySlots): boolean {
    if (this.#stopping) return false;
    const { clock, settings } = this.#environment;
    const streamId = this.#environment.nextStreamId();
    const timer = clock.setTimer(settings.callTimeoutMs, () => {
      if (this.#pending?.timer === timer) this.#settleCall({ type: "err" });
    });
    // Set before the event leaves: it may be answered before this returns.
    this.#pending = { type: "sent", streamId, callee: target, slots, timer };
    this.#send(target, streamId, { type: "call", payload }, this.#metadataOf("call"));
    return true;
  }

  callNowhere(alias: string, payload: string, slots: ReplySlots): boolean {
    if (this.#stopping) return false;
    const { leftMs } = this.#early;
    if (leftMs === 0) throw unmapped(alias);
    const timer = this.#environment.clock.setTimer(leftMs, () => {
      if (this.#pending?.timer === timer) this.#settleCall(unmapped(alias));
    });
    this.#pending = { type: "held", alias, payload, slots, timer };
    return true;
  }

  /** After the first wiring. */
  #sendHeldCall(): void {
    const pending = this.#pending;
    if (pending?.type !== "held" || this.#answer !== undefined) return;
    const target = this.lookup(pending.alias);
    pending.timer.cancel();
    if (target === undefined) this.#settleCall(unmapped(pending.alias));
    else this.call(target, pending.payload, pending.slots);
  }

  delayedCast(target: InstanceId, payload: string, delayMs: number): void {
    const metadata = this.#metadataOf("delayed-cast");
    this.#later(payload, delayMs, () => this.#send(target, CAST_STREAM, { type: "cast", payload }, metadata));
  }

  delayedCastNowhere(alias: string, payload: string, delayMs: number): void {
    if (this.#early.leftMs === 0) throw unmapped(alias);
    const metadata = this.#metadataOf("delayed-cast");
    this.#later(payload, delayMs, () => {
      const target = this.lookup(alias);
      if (target !== undefined) this.#send(target, CAST_STREAM, { type: "cast", payload }, metadata);
      else if (!this.#early.keep({ alias, payload, metadata })) this.#castLost(alias);
    });
  }

  #later(payload: string, delayMs: number, send: () => void): void {
    const sendAndReport = () => {
      send();
      this.#reportSent();
    };
    if (!this.#environment.delay(this.self.functionId, payload, delayMs, sendAndReport))
      this.#environment.telemetry.dropped("timers-full", 1, this.self.functionId);
  }

  log(level: number, target: string, message: string): void {
    const name = LEVELS[level - 1];
    if (name === undefined && !this.#oddLevelReported) {
      this.#oddLevelReported = true;
      const fields = { functionId: this.self.functionId, level };
      this.#environment.logger.warn("a function logs at a level that does not exist", fields);
    }
    this.#environment.telemetry.logged(this.self.functionId, name ?? "error", target, message);
  }

  sync(state: string): void {
    this.#environment.states.write(this.#start.state, state);
  }

  // From here on: the host's view of the guest.

  #begin(): void {
    if (this.#stopping) {
      this.#end(undefined);
      return;
    }
    const { clock, telemetry, states, instantiate } = this.#environment;
    const { functionId, module, initPayload, state } = this.#start;
    const savedState = states.read(state);
    const startedMs = clock.monotonicMs();
    try {
      this.#meter.begin(startedMs);
      this.#protocol = new GuestProtocol(instantiate(module, createGuestImports(this), this.#meter));
    } catch (error) {
      // No exit is reported: it would be counted against an instance that never was.
      this.#end(faultOf(error));
      return;
    }
    telemetry.instantiated(functionId, RUST_WASM, (clock.monotonicMs() - startedMs) / 1000);
    this.#run({ type: "init", startedMs: clock.monotonicMs() }, initPayload, savedState);
  }

  #handleNext(): void {
    const event = this.#mailbox.shift();
    if (event === undefined) return;
    const { clock, telemetry } = this.#environment;
    this.#metadata = event.metadata;
    if (event.created.seconds > 0) {
      const seconds = Math.max(0, clock.wallMs() - timestampToMs(event.created)) / 1000;
      telemetry.transferred(this.self.functionId, RUST_WASM, seconds);
    }
    this.#run({ type: "event", startedMs: clock.monotonicMs(), event });
  }

  #run(work: Work, initPayload?: string, savedState?: string): void {
    const protocol = this.#protocol;
    if (protocol === undefined) return;
    this.#work = work;
    this.#meter.begin(work.startedMs);
    this.#enter(work, () => {
      if (work.type === "init") return protocol.init(initPayload, savedState);
      if (work.type === "stop") return protocol.stop();
      const { source, data } = work.event;
      if (data.type === "call") return protocol.call(source, data.payload);
      return protocol.cast(source, data.type === "cast" ? data.payload : "");
    });
  }

  #resume(): void {
    const protocol = this.#protocol;
    const work = this.#work;
    const pending = this.#pending;
    const answer = this.#answer;
    if (protocol === undefined || work === undefined || pending === undefined || answer === undefined) return;
    this.#pending = undefined;
    this.#answer = undefined;
    this.#meter.proceed();
    this.#enter(work, () =>
      protocol.resume(() => {
        if (answer instanceof EdgelessError) throw answer;
        if (answer.type === "call-no-ret") return CALL_NO_REPLY;
        if (answer.type !== "call-ret") return CALL_ERROR;
        protocol.placeReply(answer.payload, pending.slots.pointer, pending.slots.length);
        return CALL_REPLY;
      }),
    );
  }

  /** Lets the guest run until it returns, waits or fails. */
  #enter(work: Work, guest: () => Progress): void {
    let progress: Progress;
    try {
      progress = guest();
    } catch (error) {
      this.#crash(work, error);
      return;
    }
    if (progress.suspended) {
      this.#meter.pause();
      this.#phase = "busy";
      return;
    }
    this.#phase = "idle";
    this.#work = undefined;
    this.#complete(work, progress.answer);
  }

  #complete(work: Work, answer: CallAnswer | undefined): void {
    const { telemetry } = this.#environment;
    const { functionId } = this.self;
    const seconds = (this.#nowMs() - work.startedMs) / 1000;
    if (work.type === "init") {
      telemetry.initialised(functionId, RUST_WASM, seconds);
      this.#environment.initialised(functionId);
    } else if (work.type === "stop") {
      telemetry.stopped(functionId, RUST_WASM, seconds);
      telemetry.exited(functionId, RUST_WASM, "ok");
      this.#end(undefined);
    } else {
      const kind = work.event.data.type === "call" ? "call" : "cast";
      telemetry.executed(functionId, RUST_WASM, kind, seconds);
      if (answer !== undefined) this.#reply(work.event, answer);
    }
    if (this.#mailbox.length === 0 || this.#sent >= MOST_UNREPORTED) this.#reportSent();
  }

  #crash(work: Work, thrown: unknown): void {
    const status: ExitStatus =
      work.type === "init" || this.#protocol?.freeing === true ? "internal-error" : "code-error";
    const { telemetry } = this.#environment;
    if (work.type === "event") telemetry.dropped("handler-failed", 1, this.self.functionId);
    telemetry.exited(this.self.functionId, RUST_WASM, status);
    if (work.type === "event" && work.event.data.type === "call") this.#reply(work.event, { type: "err" });
    this.#end(this.#faultOf(thrown));
  }

  /** A guest reports that it got no memory by a trap like any other; that it had all of it tells them apart. */
  #faultOf(thrown: unknown): EdgelessError {
    const fault = faultOf(thrown);
    const { maxMemoryMib } = this.#environment.settings;
    const size = this.#protocol?.memory.size ?? 0;
    if (fault.code !== "EDGELESS_FUNCTION_TRAPPED" || size + WASM_PAGE <= maxMemoryMib * 1024 * 1024)
      return fault;
    const sentence = `${fault.message}, with all of its ${maxMemoryMib} MiB of memory in use`;
    return new EdgelessError("EDGELESS_FUNCTION_OUT_OF_MEMORY", sentence, thrown);
  }

  #end(fault: EdgelessError | undefined): void {
    const instantiated = this.#protocol !== undefined;
    this.#phase = "ended";
    this.#reportSent();
    const { casts, expired } = this.#early.close();
    if (casts.length + expired > 0)
      this.#environment.telemetry.dropped("unmapped-output", casts.length + expired, this.self.functionId);
    this.#work = undefined;
    this.#protocol = undefined;
    this.#pending?.timer.cancel();
    this.#pending = undefined;
    const unhandled: Event[] = [];
    for (const event of this.#mailbox.drain()) {
      // A caller learns at once; a cast waits for the next life of the instance, if there is one.
      if (fault === undefined || event.data.type === "call") this.#lose(event, "instance-stopped");
      else unhandled.push(event);
    }
    this.#environment.ended({
      functionId: this.self.functionId,
      fault: fault === undefined ? undefined : { code: fault.code, reason: fault.message, instantiated },
      unhandled,
    });
  }

  #acceptAnswer(event: Event): void {
    const pending = this.#pending;
    // Anything else is late or was never asked for: noise.
    if (pending?.type !== "sent" || pending.streamId !== event.streamId) return;
    if (sameInstance(pending.callee, event.source)) this.#settleCall(event.data);
  }

  #settleCall(answer: EventData | EdgelessError): void {
    if (this.#answer !== undefined) return;
    this.#pending?.timer.cancel();
    this.#answer = answer;
    this.#environment.wake(this.self.functionId);
  }

  #lose(event: Event, reason: "mailbox-full" | "instance-stopped"): void {
    this.#environment.telemetry.dropped(reason, 1, this.self.functionId);
    const answer = errorAnswer(event);
    if (answer !== undefined) this.#environment.route(answer);
  }

  #reply(event: Event, data: CallAnswer): void {
    const { target, source, streamId, metadata } = event;
    this.#sent++;
    this.#environment.route({
      target: source,
      source: target,
      streamId,
      data,
      created: TIMESTAMP_ZERO,
      metadata,
    });
  }

  #send(target: InstanceId, streamId: bigint, data: EventData, metadata: EventMetadata): void {
    const created = timestampFromMs(this.#environment.clock.wallMs());
    this.#sent++;
    this.#environment.route({ target, source: this.self, streamId, data, created, metadata });
  }

  #reportSent(): void {
    if (this.#sent > 0) this.#environment.telemetry.sent(this.self.functionId, this.#sent);
    this.#sent = 0;
  }

  #metadataOf(sending: Sending): EventMetadata {
    return this.#metadata ?? FIRST_METADATA[sending];
  }

  #nowMs(): number {
    return this.#environment.clock.monotonicMs();
  }
}

function unmapped(alias: string): EdgelessError {
  return trap(`the output "${alias.slice(0, 60)}" is not mapped`);
}
