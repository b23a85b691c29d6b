import type { Clock, Timer } from "../../core/clock.js";
import type { Event } from "../../core/event.js";
import { type InstanceId, sameInstance } from "../../core/instance-id.js";
import type { Random } from "../../core/random.js";
import type { Bridge, Half } from "./bridge.js";

/** A call that was made again on the other side. */
export interface ForwardedCall {
  /** As it came in. */
  readonly call: Event;
  readonly bridge: Bridge;
  readonly exit: Half;
  readonly callee: InstanceId;
  readonly startedMs: number;
}

/** The calls over all bridges whose answers are still to come; any number at a time over one bridge. */
export class ForwardedCalls {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #most: number;
  readonly #timeoutMs: number;
  readonly #onTimeout: (call: ForwardedCall) => void;
  readonly #waiting = new Map<bigint, ForwardedCall & { readonly timer: Timer }>();

  /** @param onTimeout told of calls without an answer; they are forgotten */
  constructor(
    environment: { readonly clock: Clock; readonly random: Random },
    limits: { readonly maxCalls: number; readonly callTimeoutMs: number },
    onTimeout: (call: ForwardedCall) => void,
  ) {
    this.#clock = environment.clock;
    this.#random = environment.random;
    this.#most = limits.maxCalls;
    this.#timeoutMs = limits.callTimeoutMs;
    this.#onTimeout = onTimeout;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Notes a call; gives the stream id for the other side, or undefined when too many wait. */
  begin(call: Event, exit: Half, callee: InstanceId): bigint | undefined {
    if (this.#waiting.size >= this.#most) return undefined;
    const streamId = this.#drawStreamId();
    const timer = this.#clock.setTimer(this.#timeoutMs, () => {
      const forwarded = this.#remove(streamId);
      if (forwarded !== undefined) this.#onTimeout(forwarded);
    });
    const startedMs = this.#clock.monotonicMs();
    this.#waiting.set(streamId, { call, bridge: exit.bridge, exit, callee, startedMs, timer });
    return streamId;
  }

  /** The call that an answer belongs to, now forgotten; undefined when nobody waits for it. */
  settle(answer: Event): ForwardedCall | undefined {
    const waiting = this.#waiting.get(answer.streamId);
    if (waiting === undefined) return undefined;
    const isRight =
      sameInstance(waiting.exit.id, answer.target) && sameInstance(waiting.callee, answer.source);
    return isRight ? this.#remove(answer.streamId) : undefined;
  }

  /** Takes out the calls that came in or went out through a half. */
  take({ id }: Half): ForwardedCall[] {
    const taken: ForwardedCall[] = [];
    for (const [streamId, { call, exit }] of this.#waiting) {
      if (!sameInstance(exit.id, id) && !sameInstance(call.target, id)) continue;
      const forwarded = this.#remove(streamId);
      if (forwarded !== undefined) taken.push(forwarded);
    }
    return taken;
  }

  #remove(streamId: bigint): ForwardedCall | undefined {
    const waiting = this.#waiting.get(streamId);
    this.#waiting.delete(streamId);
    waiting?.timer.cancel();
    return waiting;
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
