import type { DatagramPort } from "../coap-api/endpoint/transport.js";

/**
 * A socket that tells of every datagram before it is looked at: a device that only repeats a request, because the answers
 * get lost, or only acknowledges ours, lives all the same. Until it is opened, what arrives is dropped: to a device that is
 * a loss like any other, while a wrong answer would make it forget its registration.
 */
export class ListeningSocket implements DatagramPort {
  readonly #socket: DatagramPort;
  readonly #heard: (address: string, port: number) => void;
  #isOpen = false;

  constructor(socket: DatagramPort, heard: (address: string, port: number) => void) {
    this.#socket = socket;
    this.#heard = heard;
  }

  /** Lets datagrams in from now on. */
  open(): void {
    this.#isOpen = true;
  }

  send(datagram: Uint8Array, address: string, port: number): void {
    this.#socket.send(datagram, address, port);
  }

  onDatagram(handler: (datagram: Uint8Array, address: string, port: number) => void): void {
    this.#socket.onDatagram((datagram, address, port) => {
      if (!this.#isOpen) return;
      this.#heard(address, port);
      handler(datagram, address, port);
    });
  }
}
