import { createMessage, decodeMessage, encodeMessage, type Message } from "../../coap-api/coap/message.js";
import { Endpoint } from "../../coap-api/endpoint/endpoint.js";
import { DEVICE_SETTINGS, type EndpointSettings } from "../../coap-api/endpoint/settings.js";
import { SmallPeerTable } from "../../coap-api/endpoint/small-peer-table.js";
import { ManualTimers } from "./manual-timers.js";
import { seededRandom } from "./seeded-random.js";

/** A message as a test writes it: only what matters. */
export type Partly = Partial<Message> & { readonly token?: Uint8Array };

/** Bytes from hexadecimal digits; spaces are for the reader. */
export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

/** Hexadecimal digits of bytes. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** A message with some parts set. */
export function message(parts: Partly): Message {
  return Object.assign(createMessage(0, 0, 0, new Uint8Array(0)), parts);
}

/**
 * An endpoint whose clock stands still and whose peers are a script: it sends exactly what the test says, and the test
 * sees exactly what the endpoint sends, in order.
 */
export class Lockstep {
  readonly timers = new ManualTimers();
  readonly endpoint: Endpoint;
  readonly peers: SmallPeerTable;
  /** Requests that reached the application. */
  readonly handled: string[] = [];
  readonly #sent: { datagram: Uint8Array; address: string; port: number }[] = [];
  #deliver: (datagram: Uint8Array, address: string, port: number) => void = () => {};

  constructor(settings: Partial<EndpointSettings> = {}, seed = 1) {
    const all = { ...DEVICE_SETTINGS, ...settings };
    const random = seededRandom(seed);
    this.peers = new SmallPeerTable(all.maxPeers);
    this.endpoint = new Endpoint(
      {
        send: (datagram, address, port) => this.#sent.push({ datagram, address, port }),
        onDatagram: (handler) => {
          this.#deliver = handler;
        },
      },
      this.timers,
      (target) => random.fill(target),
      all,
      this.peers,
    );
  }

  /** Lets a datagram arrive. */
  arriveBytes(datagram: Uint8Array, address = "peer", port = 5683): void {
    this.#deliver(datagram, address, port);
  }

  /** Lets a message arrive. */
  arrive(parts: Partly, address = "peer", port = 5683): void {
    this.arriveBytes(encodeMessage(message(parts)), address, port);
  }

  /** How many datagrams were sent and not looked at. */
  get unseen(): number {
    return this.#sent.length;
  }

  /** The next datagram that the endpoint sent. */
  nextBytes(): Uint8Array {
    return this.#take().datagram;
  }

  /** The next message that the endpoint sent. */
  next(): Message {
    return decodeMessage(this.nextBytes());
  }

  /** To whom the next datagram goes, without taking it. */
  nextAddress(): string {
    return `${this.#sent[0]?.address}:${this.#sent[0]?.port}`;
  }

  #take(): { datagram: Uint8Array; address: string; port: number } {
    const first = this.#sent.shift();
    if (first === undefined) throw new Error("the endpoint sent nothing");
    return first;
  }
}
