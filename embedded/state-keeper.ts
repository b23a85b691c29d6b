import { encodeKeptState } from "../coap-api/operations/state.js";
import { NOT_TAKEN } from "./device-counters.js";
import { BUSY, type GatewayLink, SILENCE, STRANGER } from "./gateway-link.js";
import type { Switchboard } from "./switchboard.js";

/** A state that waits for the gateway. */
interface Kept {
  readonly handle: number;
  state: Uint8Array;
}

/** Hands the states of functions to the gateway, one at a time; a newer state of a function replaces one that waits. */
export class StateKeeper {
  private readonly link: GatewayLink;
  private readonly board: Switchboard;
  private queue: Kept[];
  private busy: boolean;
  private pauseTimer: number;

  constructor(link: GatewayLink, board: Switchboard) {
    this.link = link;
    this.board = board;
    this.queue = [];
    this.busy = false;
    this.pauseTimer = 0;
  }

  keep(handle: number, state: Uint8Array): void {
    for (let i = 0; i < this.queue.length; i++) {
      const kept = this.queue[i] as Kept;
      if (kept.handle !== handle) continue;
      kept.state = state;
      return;
    }
    if (!this.board.hasRoomFor(state.length)) {
      this.board.count(NOT_TAKEN);
      return;
    }
    this.queue.push({ handle, state });
    this.pumpAfter(0);
  }

  /** Sends the next state if nothing stands against it. */
  pump(): void {
    if (this.busy || this.pauseTimer !== 0 || !this.link.open) return;
    const kept = this.queue.shift();
    if (kept === undefined) return;
    this.busy = true;
    this.link.post("y", "", encodeKeptState(kept), (outcome, retryMs) => {
      this.busy = false;
      if (outcome === BUSY || outcome === STRANGER || outcome === SILENCE) {
        this.restore(kept);
        this.pumpAfter(retryMs);
      }
      this.pump();
    });
  }

  /** In a turn of its own, at least: a board has room for few calls inside each other. */
  private pumpAfter(delayMs: number): void {
    if (this.pauseTimer !== 0) return;
    this.pauseTimer = this.board.timers.set(delayMs, () => {
      this.pauseTimer = 0;
      this.pump();
    });
  }

  /** Forgets everything that waits. */
  clear(): void {
    this.queue = [];
    if (this.pauseTimer !== 0) this.board.timers.clear(this.pauseTimer);
    this.pauseTimer = 0;
  }

  /** Puts a state back that the gateway did not take, unless there is a newer one. */
  private restore(kept: Kept): void {
    for (let i = 0; i < this.queue.length; i++) if ((this.queue[i] as Kept).handle === kept.handle) return;
    if (this.board.instance(kept.handle) !== undefined) this.queue.unshift(kept);
  }
}
