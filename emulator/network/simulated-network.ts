import type { DatagramPort } from "../../coap-api/endpoint/transport.js";
import type { Clock } from "../../core/clock.js";
import { type Random, uniform } from "../../core/random.js";
import { CLEAN_LINK, type LinkConditions } from "./link-conditions.js";

/** A datagram that somebody sent, whatever became of it. */
export interface Passing {
  readonly from: string;
  readonly to: string;
  readonly datagram: Uint8Array;
}

/** What became of the datagrams. */
export interface NetworkCounters {
  sent: number;
  sentBytes: number;
  delivered: number;
  lost: number;
  duplicated: number;
  /** Sent to where nobody listens. */
  unreachable: number;
}

type Handler = (datagram: Uint8Array, address: string, port: number) => void;

/** Bytes of IPv4 and UDP headers, which take their share of the bandwidth. */
const HEADERS = 28;
/** How much longer a held back datagram takes, as a multiple of delay and jitter. */
const HELD_BACK = 3;

/** A network of datagrams in one process, with faults that repeat with the seed of `random`. Nothing arrives at once. */
export class SimulatedNetwork {
  readonly counters: NetworkCounters = {
    sent: 0,
    sentBytes: 0,
    delivered: 0,
    lost: 0,
    duplicated: 0,
    unreachable: 0,
  };
  /** Sees every datagram as it is sent. */
  onPassing: ((passing: Passing) => void) | undefined;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #startMs: number;
  readonly #handlers = new Map<string, Handler>();
  readonly #conditions = new Map<string, LinkConditions>();
  /** When the link of a host has sent what it was given. */
  readonly #freeAtMs = new Map<string, number>();
  #usual: LinkConditions;

  constructor(clock: Clock, random: Random, conditions: Partial<LinkConditions> = {}) {
    this.#clock = clock;
    this.#random = random;
    this.#startMs = clock.monotonicMs();
    this.#usual = { ...CLEAN_LINK, ...conditions };
  }

  /** Opens a socket; one that was there before is replaced. */
  open(address: string, port: number): DatagramPort & { close(): void } {
    const name = `${address}:${port}`;
    return {
      send: (datagram, toAddress, toPort) => this.#send(address, port, datagram, toAddress, toPort),
      onDatagram: (handler) => void this.#handlers.set(name, handler),
      close: () => void this.#handlers.delete(name),
    };
  }

  /** Changes how datagrams are treated: of everybody, or of the link of one host in both directions. */
  setConditions(conditions: Partial<LinkConditions>, address?: string): void {
    if (address === undefined) this.#usual = { ...this.#usual, ...conditions };
    else this.#conditions.set(address, { ...(this.#conditions.get(address) ?? this.#usual), ...conditions });
  }

  #send(address: string, port: number, datagram: Uint8Array, toAddress: string, toPort: number): void {
    const { counters } = this;
    counters.sent++;
    counters.sentBytes += datagram.length;
    const to = `${toAddress}:${toPort}`;
    this.onPassing?.({ from: `${address}:${port}`, to, datagram });
    const host = this.#conditions.has(address) ? address : toAddress;
    const link = this.#conditions.get(host) ?? this.#usual;
    if (this.#isOut(link) || this.#happens(link.loss)) {
      counters.lost++;
      return;
    }
    const wire = this.#wireMs(link, `${address}>${toAddress}`, datagram.length);
    const copies = this.#happens(link.duplication) ? 2 : 1;
    counters.duplicated += copies - 1;
    for (let i = 0; i < copies; i++) {
      const latency = link.delayMs + link.jitterMs * uniform(this.#random);
      const held = this.#happens(link.reordering) ? HELD_BACK * (link.delayMs + link.jitterMs) : 0;
      this.#clock.setTimer(wire + latency + held, () => {
        const handler = this.#handlers.get(to);
        if (handler === undefined) counters.unreachable++;
        else {
          counters.delivered++;
          handler(datagram.slice(), address, port);
        }
      });
    }
  }

  /** Time until the last bit is on the wire, behind what is on its way already. */
  #wireMs(link: LinkConditions, direction: string, bytes: number): number {
    if (link.bandwidth === 0) return 0;
    const nowMs = this.#clock.monotonicMs();
    const freeAtMs = Math.max(nowMs, this.#freeAtMs.get(direction) ?? 0);
    const doneMs = freeAtMs + ((bytes + HEADERS) * 8000) / link.bandwidth;
    this.#freeAtMs.set(direction, doneMs);
    return doneMs - nowMs;
  }

  #isOut(link: LinkConditions): boolean {
    const sinceMs = this.#clock.monotonicMs() - this.#startMs;
    return link.outages.some(({ fromMs, toMs }) => sinceMs >= fromMs && sinceMs < toMs);
  }

  #happens(probability: number): boolean {
    return probability > 0 && uniform(this.#random) < probability;
  }
}
