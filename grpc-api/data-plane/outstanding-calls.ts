import type { Event } from "../../core/event.js";
import type { Uuid } from "../../core/uuid.js";

/**
 * The calls to one peer whose answers have not come back, so that their callers can be told when the peer is gone.
 * A caller that gave up is not noticed here; the oldest calls are forgotten when there are too many.
 */
export class OutstandingCalls {
  readonly #bound: number;
  readonly #calls = new Map<string, Event>();

  /** @param bound most calls that are remembered */
  constructor(bound: number) {
    this.#bound = bound;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** Remembers a call, without its payload. */
  add(call: Event): void {
    const key = keyOf(call.streamId, call.source.functionId);
    this.#calls.set(key, { ...call, data: { type: "call", payload: "" } });
    if (this.#calls.size <= this.#bound) return;
    for (const oldest of this.#calls.keys()) {
      this.#calls.delete(oldest);
      break;
    }
  }

  /** The call of `caller` with this stream id has its answer. */
  settle(streamId: bigint, caller: Uuid): void {
    this.#calls.delete(keyOf(streamId, caller));
  }

  /** Takes out all calls. */
  clear(): Event[] {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    return calls;
  }
}

function keyOf(streamId: bigint, caller: Uuid): string {
  return `${caller}${streamId}`;
}
