import type { Timers } from "../coap-api/endpoint/transport.js";
import { CALL, encodeUplinkEvent, NONE, type UplinkEvent } from "../coap-api/operations/event.js";
import type { Device } from "./device.js";
import { EVENTS_SENT, NO_ROUTE, NOT_TAKEN } from "./device-counters.js";
import { BUSY, type GatewayLink, SILENCE, STRANGER, TAKEN, UNKNOWN } from "./gateway-link.js";
import type { Switchboard } from "./switchboard.js";

/** An event that waits for the gateway, written once for all tries. */
interface Waiting {
  readonly kind: number;
  readonly route: number;
  readonly stream: number;
  readonly bytes: Uint8Array;
  tries: number;
}

/**
 * Events on their way to the gateway, in order, one at a time, each confirmed. An overloaded gateway gets the same event
 * again after the pause it asks for. An event without any answer is counted as lost and not sent again, because the
 * gateway may have it: an event arrives at most once.
 */
export class Uplink {
  private readonly link: GatewayLink;
  private readonly board: Switchboard;
  private readonly timers: Timers;
  private readonly device: Device;
  private queue: Waiting[];
  private busy: boolean;
  private pauseTimer: number;

  constructor(link: GatewayLink, board: Switchboard, device: Device) {
    this.link = link;
    this.board = board;
    this.timers = board.timers;
    this.device = device;
    this.queue = [];
    this.busy = false;
    this.pauseTimer = 0;
  }

  /** Takes an event; false, and counted, when too many wait. Answers to calls may take as much room again. */
  send(event: UplinkEvent): boolean {
    const capacity = this.board.settings.uplinkCapacity;
    const { kind, route, stream, payload } = event;
    const isFull = this.queue.length >= (kind > CALL ? 2 * capacity : capacity);
    if (isFull || !this.board.hasRoomFor(payload.length)) {
      this.board.count(NOT_TAKEN);
      return false;
    }
    this.queue.push({ kind, route, stream, bytes: encodeUplinkEvent(event), tries: 0 });
    this.board.uplinkFull = this.queue.length >= capacity;
    this.pumpSoon();
    return true;
  }

  /**
   * Sends the next event in a turn of its own: whoever has an event to send is a function that runs, and a board has room for few calls
   * inside each other.
   */
  private pumpSoon(): void {
    if (this.busy || this.pauseTimer !== 0 || !this.link.open) return;
    this.pauseTimer = this.timers.set(0, () => {
      this.pauseTimer = 0;
      this.pump();
    });
  }

  /** Sends the next event if nothing stands against it. */
  pump(): void {
    const event = this.queue[0];
    if (event === undefined || this.busy || this.pauseTimer !== 0 || !this.link.open) return;
    this.busy = true;
    this.link.post("e", "", event.bytes, (outcome, retryMs) => {
      this.busy = false;
      if (this.queue[0] === event) this.settle(event, outcome, retryMs);
      this.pump();
    });
  }

  /** Forgets everything that waits. */
  clear(): void {
    this.queue = [];
    this.board.uplinkFull = false;
    if (this.pauseTimer !== 0) this.timers.clear(this.pauseTimer);
    this.pauseTimer = 0;
  }

  private settle(event: Waiting, outcome: number, retryMs: number): void {
    if (outcome === STRANGER) {
      this.link.open = false;
      this.device.doubt();
      return;
    }
    event.tries++;
    if (outcome === BUSY && event.tries < this.board.settings.uplinkTries) {
      this.pauseTimer = this.timers.set(retryMs * event.tries, () => {
        this.pauseTimer = 0;
        this.pump();
      });
      return;
    }
    this.queue.shift();
    this.board.uplinkFull = this.queue.length >= this.board.settings.uplinkCapacity;
    if (outcome === TAKEN) {
      this.board.count(EVENTS_SENT);
      return;
    }
    this.board.count(outcome === UNKNOWN ? NO_ROUTE : NOT_TAKEN);
    if (outcome === UNKNOWN && event.route !== NONE) this.board.forgetRoute(event.route);
    if (event.kind === CALL) this.board.callFailed(event.stream);
    if (outcome === UNKNOWN || outcome === SILENCE) this.device.doubt();
  }
}
