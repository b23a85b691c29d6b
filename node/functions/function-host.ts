import { BoundedQueue } from "../../core/bounded-queue.js";
import type { Clock, Timer } from "../../core/clock.js";
import type { Event } from "../../core/event.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { Logger } from "../../core/log.js";
import type { Random } from "../../core/random.js";
import type { Uuid } from "../../core/uuid.js";
import { errorAnswer } from "../../grpc-api/data-plane/error-answer.js";
import { randomUint64 } from "../../platform/system-random.js";
import type { Telemetry } from "../telemetry/telemetry.js";
import { DelayedCasts } from "./delayed-casts.js";
import { FunctionInstance } from "./function-instance.js";
import type { FunctionSettings } from "./function-settings.js";
import type { HostPort, HostReports } from "./host-port.js";
import type { InstanceEnd, InstanceEnvironment, InstanceStart, Instantiate } from "./instance-environment.js";
import type { StateStore } from "./state-store.js";
import { TextBudget } from "./text-budget.js";

/** What a {@link FunctionHost} works with. */
export interface HostParts {
  readonly nodeId: Uuid;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly settings: FunctionSettings;
  readonly states: StateStore;
  readonly instantiate: Instantiate;
  readonly reports: HostReports;
  /** Told which instance gets the processor next, and undefined when none has it. */
  readonly onTurn?: (functionId: Uuid | undefined) => void;
}

/** Longest time, in milliseconds, and most steps before the host lets timers and messages through. */
const TURN_MS = 4;
const TURN_STEPS = 2000;
/** Calls of a Rust node are numbered from 1: ours stay clear of those numbers. */
const FIRST_STREAM_ID = 1n << 32n;

/**
 * Runs instances of functions, all on one thread: round robin among those that have something to do, one event each,
 * in turns short enough to keep the thread responsive. An event from one instance to another goes straight into the
 * other's mailbox.
 */
export class FunctionHost implements HostPort {
  readonly #parts: HostParts;
  readonly #environment: InstanceEnvironment;
  readonly #instances = new Map<Uuid, FunctionInstance>();
  readonly #delayed: DelayedCasts;
  // Its bound is the number of instances: each is in it at most once.
  readonly #runQueue = new BoundedQueue<FunctionInstance>(Number.POSITIVE_INFINITY);
  readonly #queued = new Set<FunctionInstance>();
  #streamId: bigint;
  #turn: Timer | undefined;
  #closed = false;

  constructor(parts: HostParts) {
    this.#parts = parts;
    const budget = new TextBudget(parts.settings.maxWaitingText);
    this.#delayed = new DelayedCasts(parts.clock, parts.settings.maxTimers, budget);
    this.#streamId = randomUint64(parts.random) | FIRST_STREAM_ID;
    this.#environment = {
      ...parts,
      budget,
      route: (event) => this.#route(event),
      nextStreamId: () => this.#nextStreamId(),
      delay: (sender, payload, delayMs, send) => this.#delayed.add(sender, payload, delayMs, send),
      wake: (functionId) => this.#wake(functionId),
      initialised: (functionId) => parts.reports.initialised(functionId),
      ended: (end) => this.#ended(end),
    };
  }

  start(start: InstanceStart): void {
    if (this.#closed || this.#instances.has(start.functionId)) return;
    this.#instances.set(start.functionId, new FunctionInstance(start, this.#environment));
    this.#wake(start.functionId);
  }

  stop(functionId: Uuid): void {
    this.#instances.get(functionId)?.stop();
  }

  patch(functionId: Uuid, outputs: ReadonlyMap<string, InstanceId>): void {
    this.#instances.get(functionId)?.patch(outputs);
  }

  deliver(event: Event): void {
    const instance = this.#instances.get(event.target.functionId);
    if (instance !== undefined) {
      instance.accept(event);
      return;
    }
    this.#parts.telemetry.dropped("instance-stopped", 1, event.target.functionId);
    const answer = errorAnswer(event);
    if (answer !== undefined) this.#route(answer);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#turn?.cancel();
    this.#delayed.close();
    this.#instances.clear();
    this.#runQueue.clear();
    this.#queued.clear();
  }

  #route(event: Event): void {
    if (this.#closed) return;
    const isHere = event.target.nodeId === this.#parts.nodeId && this.#instances.has(event.target.functionId);
    if (isHere) this.deliver(event);
    else this.#parts.reports.send(event);
  }

  #nextStreamId(): bigint {
    this.#streamId = BigInt.asUintN(64, this.#streamId + 1n) | FIRST_STREAM_ID;
    return this.#streamId;
  }

  #ended(end: InstanceEnd): void {
    this.#instances.delete(end.functionId);
    this.#parts.reports.ended(end);
  }

  #wake(functionId: Uuid): void {
    const instance = this.#instances.get(functionId);
    if (instance !== undefined) this.#enqueue(instance);
  }

  #enqueue(instance: FunctionInstance): void {
    if (this.#closed || !instance.ready || this.#queued.has(instance)) return;
    this.#queued.add(instance);
    this.#runQueue.push(instance);
    this.#turn ??= this.#parts.clock.setTimer(0, () => this.#runTurn());
  }

  #runTurn(): void {
    const { clock, onTurn } = this.#parts;
    const endMs = clock.monotonicMs() + TURN_MS;
    for (let steps = 0; steps < TURN_STEPS && clock.monotonicMs() < endMs; steps++) {
      const instance = this.#runQueue.shift();
      if (instance === undefined) break;
      this.#queued.delete(instance);
      onTurn?.(instance.self.functionId);
      instance.step();
      this.#enqueue(instance);
    }
    onTurn?.(undefined);
    this.#turn = undefined;
    if (this.#runQueue.length > 0) this.#turn = clock.setTimer(0, () => this.#runTurn());
  }
}
