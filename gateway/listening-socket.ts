import type { DatagramPort } from "../coap-api/endpoint/transport.js";

/**
 * A socket that tells of every datagram before it is looked at: a device that only repeats a request, because the answers
 * get lost, or only acknowledges ours, lives all the same.
 */
export function listeningSocket(
  socket: DatagramPort,
  heard: (address: string, port: number) => void,
): DatagramPort {
  return {
    send: (datagram, address, port) => socket.send(datagram, address, port),
    onDatagram: (handler) =>
      socket.onDatagram((datagram, address, port) => {
        heard(address, port);
        handler(datagram, address, port);
      }),
  };
}
