import { EdgelessError } from "../../core/errors.js";
import { type Event, type EventData, isAnswer, METADATA_NONE, TIMESTAMP_ZERO } from "../../core/event.js";
import { type InstanceId, sameInstance } from "../../core/instance-id.js";
import { SILENT } from "../../core/log.js";
import { randomUuid } from "../../core/uuid.js";
import { FunctionHost } from "../../node/functions/function-host.js";
import { DEFAULT_FUNCTION_SETTINGS } from "../../node/functions/function-settings.js";
import type { InstanceFault } from "../../node/functions/instance-environment.js";
import { instantiatePrepared } from "../../node/functions/instantiate-prepared.js";
import { recordTelemetry } from "../../node/functions/telemetry-record.js";
import { systemRandom } from "../../platform/system-random.js";
import { ImageCache } from "../../toolchain/image/image-cache.js";
import { EveryOutput } from "./every-output.js";
import type { Happening } from "./happening.js";
import { SkippingClock } from "./skipping-clock.js";

/** What a function gets as answer to a call: a text, or null for no reply; a function that throws fails the call. */
export type Answer = string | null | ((payload: string) => string | null);

/** How a function is started for observation. */
export interface HostedFunctionOptions {
  /** Init payload. */
  readonly init?: string | undefined;
  /** State that an earlier life of the function left. */
  readonly state?: string | undefined;
  /** Channels that are mapped; absent: every one the function uses. */
  readonly outputs?: readonly string[] | undefined;
  /** Answers to the calls of the function, by channel; other calls get no reply. */
  readonly answers?: Readonly<Record<string, Answer>> | undefined;
}

const MIB_PAGES = 16;
const STREAM_ID = 1n;

/**
 * One function in the host that nodes run it in, alone, without a domain. Its delayed casts run when time is skipped.
 * What it does is told to `observe`, in order.
 */
export class HostedFunction {
  readonly #clock = new SkippingClock();
  readonly #self: InstanceId = { nodeId: randomUuid(systemRandom), functionId: randomUuid(systemRandom) };
  readonly #source: InstanceId = { nodeId: randomUuid(systemRandom), functionId: randomUuid(systemRandom) };
  readonly #outputs: EveryOutput;
  readonly #answers: Readonly<Record<string, Answer>>;
  readonly #observe: (happening: Happening) => void;
  readonly #host: FunctionHost;
  #answer: EventData | undefined;
  #fault: InstanceFault | undefined;
  #ended = false;

  private constructor(options: HostedFunctionOptions, observe: (happening: Happening) => void) {
    this.#outputs = new EveryOutput(this.#source.nodeId, options.outputs);
    this.#answers = options.answers ?? {};
    this.#observe = observe;
    let state = options.state;
    this.#host = new FunctionHost({
      nodeId: this.#self.nodeId,
      clock: this.#clock,
      random: systemRandom,
      telemetry: recordTelemetry((record) => {
        if (record[0] !== "logged") return;
        const [, , level, target, message] = record;
        observe({ type: "log", level, target, message });
      }),
      logger: {
        ...SILENT,
        warn: (message, fields) => {
          const output = typeof fields?.output === "string" ? `: ${fields.output}` : "";
          observe({ type: "remark", message: message + output });
        },
      },
      settings: { ...DEFAULT_FUNCTION_SETTINGS, threads: 0 },
      states: {
        read: () => state,
        write: (_id, text) => {
          state = text;
          observe({ type: "state", state: text });
        },
      },
      instantiate: instantiatePrepared,
      reports: {
        initialised: () => {},
        ended: ({ fault }) => {
          this.#fault = fault;
          this.#ended = true;
        },
        send: (event) => this.#receive(event),
      },
    });
  }

  /**
   * Starts a function and lets its init handler run.
   * @throws EdgelessError EDGELESS_BAD_WASM, EDGELESS_WASM_ABI, EDGELESS_WASM_TOO_LARGE, and what {@link cast} throws
   */
  static async start(
    wasm: Uint8Array,
    options: HostedFunctionOptions,
    observe: (happening: Happening) => void,
  ): Promise<HostedFunction> {
    const maxMemoryPages = DEFAULT_FUNCTION_SETTINGS.maxMemoryMib * MIB_PAGES;
    const { module } = new ImageCache({ maxMemoryPages }, 1).get(wasm);
    const hosted = new HostedFunction(options, observe);
    const { functionId } = hosted.#self;
    hosted.#host.start({
      functionId,
      module,
      initPayload: options.init,
      state: { stateId: functionId, policy: "node-local" },
      outputs: new Map(),
    });
    hosted.#host.patch(functionId, hosted.#outputs);
    await hosted.#settle();
    return hosted;
  }

  /** Milliseconds of waiting that were skipped so far. */
  get skippedMs(): number {
    return this.#clock.skippedMs;
  }

  /** Delayed casts that wait for their time. */
  get waiting(): number {
    return this.#clock.waiting;
  }

  /**
   * Sends a cast and lets it be handled.
   * @throws EdgelessError EDGELESS_FUNCTION_TRAPPED, EDGELESS_FUNCTION_OUT_OF_TIME or EDGELESS_FUNCTION_OUT_OF_MEMORY
   * when that ended the function, EDGELESS_UNKNOWN_INSTANCE when it had ended before
   */
  async cast(payload: string): Promise<void> {
    this.#deliver({ type: "cast", payload }, 0n);
    await this.#settle();
  }

  /**
   * Sends a call and waits for the answer; null: no reply.
   * @throws EdgelessError EDGELESS_REJECTED when the function answers with an error, and what {@link cast} throws
   */
  async call(payload: string): Promise<string | null> {
    this.#deliver({ type: "call", payload }, STREAM_ID);
    await this.#settle();
    const answer = this.#takeAnswer();
    if (answer?.type === "call-ret") return answer.payload;
    if (answer?.type === "call-no-ret") return null;
    throw new EdgelessError("EDGELESS_REJECTED", "the function answered the call with an error");
  }

  /** Lets time pass, without waiting for it; throws what {@link cast} throws. */
  async advance(ms: number): Promise<void> {
    await this.#clock.advance(ms);
    this.#throwFault();
  }

  /** Stops the function, which runs its stop handler; throws what {@link cast} throws. */
  async stop(): Promise<void> {
    this.#host.stop(this.#self.functionId);
    await this.#settle();
  }

  #deliver(data: EventData, streamId: bigint): void {
    if (this.#ended) throw new EdgelessError("EDGELESS_UNKNOWN_INSTANCE", "the function has ended");
    this.#host.deliver(this.#event(this.#source, this.#self, streamId, data));
  }

  #takeAnswer(): EventData | undefined {
    const answer = this.#answer;
    this.#answer = undefined;
    return answer;
  }

  async #settle(): Promise<void> {
    await this.#clock.settle();
    this.#throwFault();
  }

  #throwFault(): void {
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault !== undefined) throw new EdgelessError(fault.code, fault.reason);
  }

  /** Takes what the function sends to the outside. */
  #receive({ target, streamId, data }: Event): void {
    if (isAnswer(data)) {
      if (streamId === STREAM_ID) this.#answer = data;
      return;
    }
    if (data.type !== "cast" && data.type !== "call") return;
    const { type, payload } = data;
    const output = this.#outputs.channelOf(target);
    if (output !== undefined) this.#observe({ type, output, payload });
    else this.#observe({ type: `${type}-raw`, target: this.#nameOf(target), payload });
    if (type === "cast") return;
    // Later: the caller has to wait first.
    this.#clock.setTimer(0, () => {
      this.#host.deliver(this.#event(target, this.#self, streamId, this.#answerTo(output, payload)));
    });
  }

  #answerTo(output: string | undefined, payload: string): EventData {
    const answer = output === undefined ? null : (this.#answers[output] ?? null);
    try {
      const text = typeof answer === "function" ? answer(payload) : answer;
      return text === null ? { type: "call-no-ret" } : { type: "call-ret", payload: text };
    } catch (error) {
      this.#observe({ type: "remark", message: `the call failed: ${String(error)}` });
      return { type: "err" };
    }
  }

  #nameOf(target: InstanceId): string {
    return sameInstance(target, this.#source) ? "source" : `${target.nodeId}/${target.functionId}`;
  }

  #event(source: InstanceId, target: InstanceId, streamId: bigint, data: EventData): Event {
    return { source, target, streamId, data, created: TIMESTAMP_ZERO, metadata: METADATA_NONE };
  }
}
