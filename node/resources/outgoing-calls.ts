import type { Clock, Timer } from "../../core/clock.js";
import type { Event } from "../../core/event.js";
import { type InstanceId, sameInstance } from "../../core/instance-id.js";
import type { Random } from "../../core/random.js";
import type { Uuid } from "../../core/uuid.js";
import type { CallOutcome } from "./resource-provider.js";

/** Calls that may wait for their answer at a time on one node. */
const MOST_CALLS = 65_536;

interface Waiting {
  readonly caller: Uuid;
  readonly callee: InstanceId;
  readonly timer: Timer;
  readonly resolve: (outcome: CallOutcome) => void;
}

/** The calls that resources of this node made and whose answers are still to come. */
export class OutgoingCalls {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #timeoutMs: number;
  readonly #waiting = new Map<bigint, Waiting>();

  /** @param timeoutMs how long an answer may take, milliseconds */
  constructor(clock: Clock, random: Random, timeoutMs: number) {
    this.#clock = clock;
    this.#random = random;
    this.#timeoutMs = timeoutMs;
  }

  /** How many calls wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Begins a call.
   * @param caller instance that calls
   * @param emit sends the call with the stream id it is given
   */
  begin(caller: Uuid, callee: InstanceId, emit: (streamId: bigint) => void): Promise<CallOutcome> {
    if (this.#waiting.size >= MOST_CALLS) return Promise.resolve({ type: "err" });
    const streamId = this.#drawStreamId();
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(this.#timeoutMs, () => this.#end(streamId, { type: "timeout" }));
      this.#waiting.set(streamId, { caller, callee, timer, resolve });
      emit(streamId);
    });
  }

  /** Hands an answer to the call it belongs to; answers that nobody waits for are ignored. */
  accept(event: Event): void {
    const waiting = this.#waiting.get(event.streamId);
    if (waiting === undefined) return;
    if (waiting.caller !== event.target.functionId || !sameInstance(waiting.callee, event.source)) return;
    const { data } = event;
    if (data.type === "call-ret") this.#end(event.streamId, data);
    else this.#end(event.streamId, { type: data.type === "call-no-ret" ? "call-no-ret" : "err" });
  }

  /** Ends the calls of one caller with `err`. */
  cancel(caller: Uuid): void {
    for (const [streamId, waiting] of this.#waiting) {
      if (waiting.caller === caller) this.#end(streamId, { type: "err" });
    }
  }

  #end(streamId: bigint, outcome: CallOutcome): void {
    const waiting = this.#waiting.get(streamId);
    if (waiting === undefined) return;
    this.#waiting.delete(streamId);
    waiting.timer.cancel();
    waiting.resolve(outcome);
  }

  /** Random above 2^32: the Rust nodes count from 1 and match answers on the number alone. */
  #drawStreamId(): bigint {
    for (;;) {
      const bytes = this.#random.fill(new Uint8Array(8));
      const streamId = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
      if (streamId > 0xffffffffn && !this.#waiting.has(streamId)) return streamId;
    }
  }
}
