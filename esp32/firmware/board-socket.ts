import type { DatagramPort } from "../../coap-api/endpoint/transport.js";

/** Module of the interpreter. */
const DATAGRAMS = "dgram";

/** Milliseconds after which a lost socket is opened again. */
const REOPEN_MS = 250;

/**
 * The UDP socket of a board. An empty datagram closes a socket, and so does a network that goes away: it is opened
 * again by itself.
 */
export function boardSocket(port: number): DatagramPort {
  let socket: BoardSocket | undefined;
  let handler: (datagram: Uint8Array, address: string, port: number) => void = () => {};
  const open = () => {
    const opened = require(DATAGRAMS).createSocket({ type: "udp4", reuseAddr: true });
    opened.on("message", (text, from) => {
      // What a board receives of a longer datagram is cut; its codec finds that out.
      handler(E.toUint8Array(text), from.address, from.port);
    });
    opened.on("close", () => {
      socket = undefined;
      setTimeout(open, REOPEN_MS);
    });
    opened.bind(port);
    socket = opened;
  };
  open();
  return {
    send: (datagram, address, to) => {
      const text = E.toString(datagram);
      // A message that cannot be sent is repeated by who waits for an answer.
      if (socket !== undefined && text !== undefined) socket.send(text, to, address);
    },
    onDatagram: (taker) => {
      handler = taker;
    },
  };
}
