import type { DatagramPort, Timers } from "../../coap-api/endpoint/transport.js";
import { uniform } from "../../core/random.js";
import { seededRandom } from "./seeded-random.js";

/** What a network does to datagrams; shares are from 0 to 1. */
export interface NetworkConditions {
  readonly loss: number;
  readonly duplication: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

export const PERFECT: NetworkConditions = { loss: 0, duplication: 0, minDelayMs: 1, maxDelayMs: 1 };

type Handler = (datagram: Uint8Array, address: string, port: number) => void;

/** A datagram on its way. */
export interface Passing {
  readonly from: string;
  readonly to: string;
  readonly datagram: Uint8Array;
}

/** Hosts that reach each other by datagrams, under conditions that repeat with their seed. All hosts use one port number. */
export class LossyNetwork {
  /** Everything that was sent, lost or not. */
  readonly sent: Passing[] = [];
  /** Decides, after the conditions, whether a datagram is lost. */
  drop: (passing: Passing, index: number) => boolean = () => false;
  readonly #timers: Timers;
  readonly #conditions: NetworkConditions;
  readonly #uniform: () => number;
  readonly #hosts = new Map<string, Handler>();

  constructor(timers: Timers, conditions: NetworkConditions, seed: number) {
    const random = seededRandom(seed);
    this.#timers = timers;
    this.#conditions = conditions;
    this.#uniform = () => uniform(random);
  }

  /** The socket of a host. */
  host(address: string): DatagramPort {
    return {
      send: (datagram, to) => this.#send(address, to, new Uint8Array(datagram)),
      onDatagram: (handler) => this.#hosts.set(address, handler),
    };
  }

  #send(from: string, to: string, datagram: Uint8Array): void {
    const { loss, duplication } = this.#conditions;
    const passing = { from, to, datagram };
    const index = this.sent.push(passing) - 1;
    const copies = this.#uniform() < duplication ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (this.#uniform() < loss || this.drop(passing, index)) continue;
      this.#timers.set(this.#delayMs(), () => this.#hosts.get(to)?.(datagram, from, 5683));
    }
  }

  #delayMs(): number {
    const { minDelayMs, maxDelayMs } = this.#conditions;
    return minDelayMs + (maxDelayMs - minDelayMs) * this.#uniform();
  }
}
