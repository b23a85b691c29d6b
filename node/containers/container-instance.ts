import { EdgelessError, reasonOf } from "../../core/errors.js";
import { type Event, isAnswer, timestampToMs } from "../../core/event.js";
import type { GuestFunctionApi } from "../../core/guest-api.js";
import type { InstanceId } from "../../core/instance-id.js";
import type { LogLevel } from "../../core/log.js";
import { type RetryPolicy, RetrySchedule } from "../../core/retry-schedule.js";
import { CONTAINER } from "../../core/specification.js";
import type { ComponentState, InstanceStatus } from "../../core/status.js";
import { errorAnswer } from "../../grpc-api/data-plane/error-answer.js";
import { type Connection, connectGuestFunction } from "../../grpc-api/index.js";
import { EventQueue } from "../functions/event-queue.js";
import type { DropReason } from "../telemetry/telemetry.js";
import { bootGuest } from "./boot-guest.js";
import type { ContainerEnvironment, ContainerStart } from "./container-environment.js";
import { GuestOutputs } from "./guest-outputs.js";
import type { GuestPlace } from "./guest-place.js";
import { WakeUp } from "./wake-up.js";

type Guest = GuestFunctionApi & Connection;

const RESTART: RetryPolicy = { initialMs: 500, factor: 2, maximumMs: 60_000, jitter: 0.2 };
/** An instance that ran this long has recovered from its earlier crashes. */
const RECOVERED_MS = 60_000;
/** Tries in a row without a usable image after which the code counts as unable to run here. */
const TOLERATED_MISSING_IMAGES = 3;
/** Longest stop handler, milliseconds. */
const STOP_MS = 5_000;

/**
 * One function outside the node, through all its lives: it is booted and initialised, gets one event at a time, and is
 * started again after a back-off when it ends by itself or overruns its time. Casts wait for the next life; calls that
 * come between two lives fail at once.
 */
export class ContainerInstance {
  readonly self: InstanceId;
  readonly outputs: GuestOutputs;
  readonly #start: ContainerStart;
  readonly #environment: ContainerEnvironment;
  readonly #mailbox: EventQueue;
  readonly #schedule: RetrySchedule;
  readonly #wake = new WakeUp();
  #state: ComponentState = "starting";
  #reason = "";
  #restarts = 0;
  #missingImages = 0;
  #runningSinceMs: number | undefined;
  #guest: Guest | undefined;
  /** Why this life ended, as soon as that is known. */
  #lost: EdgelessError | undefined;
  #stopping = false;
  #cut = false;

  constructor(start: ContainerStart, environment: ContainerEnvironment) {
    this.self = start.self;
    this.outputs = new GuestOutputs(start.self, environment);
    this.#start = start;
    this.#environment = environment;
    this.#mailbox = new EventQueue(environment.settings.mailboxCapacity, environment.budget);
    this.#schedule = new RetrySchedule(RESTART, environment.random);
  }

  get status(): InstanceStatus {
    const { functionId } = this.self;
    return { functionId, state: this.#state, restarts: this.#restarts, reason: this.#reason };
  }

  /** Lives until {@link stop}; never rejects. */
  async run(): Promise<void> {
    while (!this.#stopping) {
      const fault = await this.#live();
      if (fault === undefined || this.#stopping) break;
      await this.#wake.sleep(this.#environment.clock, this.#crashed(fault), () => this.#stopping);
      if (this.#stopping) break;
      this.#restarts++;
      this.#state = "starting";
    }
    this.outputs.close();
    for (const event of this.#mailbox.drain()) this.#lose(event, "instance-stopped");
  }

  /** Takes an event; it is handled later. */
  accept(event: Event): void {
    if (isAnswer(event.data)) this.#environment.calls.accept(event);
    else if (this.#stopping || this.#state === "failed") this.#lose(event, "instance-stopped");
    else if (event.data.type === "call" && this.#betweenLives) this.#lose(event, "instance-stopped");
    else if (this.#mailbox.push(event)) this.#wake.notify();
    else this.#lose(event, "mailbox-full");
  }

  /** Asks for the end: after the running handler, whose calls fail from now on. */
  stop(): void {
    this.#stopping = true;
    this.outputs.stop();
    this.#wake.notify();
  }

  /** Ends it at once, without waiting for a handler. */
  cut(): void {
    this.#cut = true;
    this.stop();
    this.#guest?.close();
  }

  /** A log line of the function. */
  log(level: LogLevel, target: string, message: string): void {
    this.#environment.telemetry.logged(this.self.functionId, level, target, message);
  }

  /**
   * Keeps the state of the function.
   * @throws EdgelessError EDGELESS_BAD_MESSAGE when it is not UTF-8: states are texts wherever functions are kept
   */
  sync(state: Uint8Array): void {
    let text: string;
    try {
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(state);
    } catch (error) {
      const sentence = "SyncData.serialized_state is not valid UTF-8; the former state is kept";
      throw new EdgelessError("EDGELESS_BAD_MESSAGE", sentence, error);
    }
    this.#environment.states.write(this.#start.state, text);
  }

  /** One life. @returns why it ended, or undefined when it was stopped */
  async #live(): Promise<EdgelessError | undefined> {
    const { clock, telemetry, open } = this.#environment;
    const { code, workflowId } = this.#start;
    const { functionId } = this.self;
    const startedMs = clock.monotonicMs();
    let place: GuestPlace | undefined;
    this.#lost = undefined;
    try {
      place = await open(code, functionId, workflowId);
      const guest = this.#connect(place);
      if (!(await this.#boot(guest))) return this.#stopping ? undefined : this.#lost;
      telemetry.instantiated(functionId, CONTAINER, this.#secondsSince(startedMs));
      await this.#init(guest);
      await this.#serve(guest);
      if (!this.#cut) await this.#farewell(guest);
      return undefined;
    } catch (error) {
      return this.#stopping && this.#cut ? undefined : this.#faultOf(error);
    } finally {
      this.#guest?.close();
      this.#guest = undefined;
      await place?.close();
    }
  }

  #connect(place: GuestPlace): Guest {
    const { settings, tls } = this.#environment;
    const guest = connectGuestFunction(place.url, {
      deadlineMs: settings.maxRunTimeMs,
      ...(tls === undefined ? {} : { tls }),
    });
    this.#guest = guest;
    place.watch((reason) => {
      if (this.#guest !== guest) return;
      this.#lost = new EdgelessError("EDGELESS_FUNCTION_TRAPPED", reason);
      guest.close();
      this.#wake.notify();
    });
    return guest;
  }

  async #boot(guest: Guest): Promise<boolean> {
    const { clock, random, hostUrl, settings } = this.#environment;
    const boot = { hostUrl, instance: this.self };
    const abandoned = () => this.#stopping || this.#lost !== undefined;
    return await bootGuest(guest, boot, {
      clock,
      random,
      wake: this.#wake,
      abandoned,
      limitMs: settings.startTimeoutMs,
    });
  }

  async #init(guest: Guest): Promise<void> {
    const { clock, telemetry, states } = this.#environment;
    const { initPayload: payload, state } = this.#start;
    const { functionId } = this.self;
    const startedMs = clock.monotonicMs();
    const saved = states.read(state);
    try {
      await guest.init(saved === undefined ? { payload } : { payload, state: Buffer.from(saved) });
    } catch (error) {
      telemetry.exited(functionId, CONTAINER, "internal-error");
      throw error;
    }
    telemetry.initialised(functionId, CONTAINER, this.#secondsSince(startedMs));
    this.#state = "running";
    this.#reason = "";
    this.#missingImages = 0;
    this.#runningSinceMs = clock.monotonicMs();
  }

  /** Hands out events until the function is to stop. */
  async #serve(guest: Guest): Promise<void> {
    for (;;) {
      if (this.#stopping) return;
      if (this.#lost !== undefined) {
        this.#environment.telemetry.exited(this.self.functionId, CONTAINER, "code-error");
        throw this.#lost;
      }
      const event = this.#mailbox.shift();
      if (event === undefined) await this.#wake.wait(this.#environment.clock);
      else await this.#handle(guest, event);
    }
  }

  async #handle(guest: Guest, event: Event): Promise<void> {
    const { clock, telemetry } = this.#environment;
    const { functionId } = this.self;
    const { data, source } = event;
    if (data.type !== "call" && data.type !== "cast") return;
    this.outputs.received(event.metadata);
    if (event.created.seconds > 0) {
      const seconds = Math.max(0, clock.wallMs() - timestampToMs(event.created)) / 1000;
      telemetry.transferred(functionId, CONTAINER, seconds);
    }
    const input = { source, payload: data.payload };
    const startedMs = clock.monotonicMs();
    try {
      if (data.type === "cast") await guest.cast(input);
      else this.outputs.answer(event, await guest.call(input));
    } catch (error) {
      telemetry.exited(functionId, CONTAINER, "code-error");
      this.#lose(event, "handler-failed");
      throw error;
    }
    telemetry.executed(functionId, CONTAINER, data.type, this.#secondsSince(startedMs));
  }

  /** Lets the function clean up; when it does not in time it is ended all the same. */
  async #farewell(guest: Guest): Promise<void> {
    const { clock, telemetry, logger } = this.#environment;
    const { functionId } = this.self;
    const startedMs = clock.monotonicMs();
    const timer = clock.setTimer(STOP_MS, () => guest.close());
    try {
      await guest.stop();
      telemetry.stopped(functionId, CONTAINER, this.#secondsSince(startedMs));
      telemetry.exited(functionId, CONTAINER, "ok");
    } catch (error) {
      telemetry.exited(functionId, CONTAINER, "internal-error");
      logger.warn("a function did not stop well", { functionId, reason: reasonOf(error) });
    } finally {
      timer.cancel();
    }
  }

  get #betweenLives(): boolean {
    return this.#state === "crashed" || (this.#state === "starting" && this.#restarts > 0);
  }

  /** Notes the end of a life. @returns how long to wait for the next one, milliseconds */
  #crashed(fault: EdgelessError): number {
    const { clock, logger } = this.#environment;
    const { functionId } = this.self;
    const ranMs = this.#runningSinceMs === undefined ? 0 : clock.monotonicMs() - this.#runningSinceMs;
    this.#runningSinceMs = undefined;
    if (ranMs >= RECOVERED_MS) this.#schedule.reset();
    this.#reason = `${fault.code}: ${fault.message}`;
    const fields = { functionId, reason: this.#reason };
    if (fault.code === "EDGELESS_CONTAINER_IMAGE" && ++this.#missingImages >= TOLERATED_MISSING_IMAGES) {
      this.#state = "failed";
      for (const event of this.#mailbox.drain()) this.#lose(event, "instance-stopped");
      logger.error("a function cannot run here and is not tried again", fields);
      return Number.POSITIVE_INFINITY;
    }
    this.#state = "crashed";
    for (const event of this.#mailbox.drain()) this.accept(event);
    const delayMs = this.#schedule.nextMs();
    const restartInMs = Math.round(delayMs);
    logger.warn("a function ended by itself and will be started again", { ...fields, restartInMs });
    return delayMs;
  }

  #faultOf(thrown: unknown): EdgelessError {
    if (this.#lost !== undefined) return this.#lost;
    if (!(thrown instanceof EdgelessError))
      return new EdgelessError("EDGELESS_INTERNAL", reasonOf(thrown), thrown);
    if (this.#runningSinceMs === undefined) return thrown;
    if (thrown.code !== "EDGELESS_TIMEOUT")
      return new EdgelessError("EDGELESS_FUNCTION_TRAPPED", thrown.message, thrown);
    const sentence = `a handler did not end within ${this.#environment.settings.maxRunTimeMs} ms`;
    return new EdgelessError("EDGELESS_FUNCTION_OUT_OF_TIME", sentence, thrown);
  }

  #lose(event: Event, reason: DropReason): void {
    this.#environment.telemetry.dropped(reason, 1, this.self.functionId);
    const answer = errorAnswer(event);
    // Later, so that a caller is never answered before its own send has returned.
    if (answer !== undefined) queueMicrotask(() => this.#environment.route(answer));
  }

  #secondsSince(startedMs: number): number {
    return (this.#environment.clock.monotonicMs() - startedMs) / 1000;
  }
}
