import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { authority } from "../core/endpoint.js";
import { EdgelessError } from "../core/errors.js";

/** Takes a datagram and where it came from. */
export type OnDatagram = (datagram: Uint8Array, address: string, port: number) => void;

/** Receive buffer that is asked of the system: bursts of thousands of devices fit. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** A bound UDP socket; its shape is that of the `DatagramPort` of a CoAP endpoint. */
export class UdpSocket {
  readonly #socket: Socket;
  #failed = 0;
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** The port that is really bound. */
  get port(): number {
    return this.#socket.address().port;
  }

  /** Datagrams that the system refused to send. */
  get failed(): number {
    return this.#failed;
  }

  /** Sends a datagram as soon as possible; a failure is counted and looks like a loss. */
  send(datagram: Uint8Array, address: string, port: number): void {
    if (this.#closed) return;
    this.#socket.send(datagram, port, address, (error) => {
      if (error !== null) this.#failed++;
    });
  }

  /** Sets who takes what arrives. */
  onDatagram(handler: OnDatagram): void {
    this.#socket.on("message", (datagram, from) => handler(datagram, from.address, from.port));
  }

  close(): Promise<void> {
    this.#closed = true;
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}

/**
 * Binds a UDP socket.
 * @param port 0 lets the system choose
 * @param what names the setting in the error
 * @throws EdgelessError EDGELESS_PORT_IN_USE, EDGELESS_CANNOT_BIND
 */
export function openUdpSocket(host: string, port: number, what: string): Promise<UdpSocket> {
  const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4" });
  return new Promise((resolve, reject) => {
    socket.once("error", (error: NodeJS.ErrnoException) => {
      const used = error.code === "EADDRINUSE";
      const why = used ? "the port is already in use" : error.message;
      const code = used ? "EDGELESS_PORT_IN_USE" : "EDGELESS_CANNOT_BIND";
      reject(
        new EdgelessError(
          code,
          `${what}: cannot listen on ${authority({ host, port })} (UDP): ${why}`,
          error,
        ),
      );
    });
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.removeAllListeners("error");
      // An ICMP error of a peer that is gone must not end the process; retransmission finds out.
      socket.on("error", () => {});
      try {
        socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
      } catch {
        // The system's default has to do.
      }
      resolve(new UdpSocket(socket));
    });
  });
}
