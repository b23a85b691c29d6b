import type { DatagramPort } from "../../coap-api/endpoint/transport.js";
import { hasRoomForMessage } from "./memory.js";

/** Module of the interpreter. */
const DATAGRAMS = "dgram";

/** Milliseconds after which a lost socket is opened again. */
const REOPEN_MS = 250;

/** Datagrams up to so many bytes are taken in any case: there is always room for them, or nothing would help. */
const SHORT = 64;

/** Code of the character that names what the interpreter keeps for itself, and its lists of sockets. */
const HIDDEN = 255;
const SOCKETS = ["HttpSC", "HttpCC"];

/** A socket of a board, which sends nothing until there is a network. */
export interface BoardPort extends DatagramPort {
  /**
   * There is a network from now on, maybe another one than before, or there is none.
   * @param ready runs when something can be sent, in a turn of its own; undefined: there is no network
   */
  setOnline(ready: (() => void) | undefined): void;
}

/**
 * The UDP socket of a board. An empty datagram closes a socket, and so does a network that goes away: it is opened
 * again by itself.
 */
export function boardSocket(port: number): BoardPort {
  let socket: BoardSocket | undefined;
  let isOnline = false;
  let wasOnline = false;
  let whenOpen: (() => void) | undefined;
  let handler: (datagram: Uint8Array, address: string, port: number) => void = () => {};
  const takeLong = (datagram: Uint8Array, address: string, port: number) => {
    // Without room for it the interpreter would end what runs. As if it had been lost on its way, it comes again.
    if (hasRoomForMessage()) handler(datagram, address, port);
  };
  const reopen = () => {
    socket = undefined;
    setTimeout(open, REOPEN_MS);
  };
  const open = () => {
    try {
      const opened = require(DATAGRAMS).createSocket({ type: "udp4", reuseAddr: true });
      opened.on("message", (text, from) => {
        // What a board receives of a longer datagram is cut; its codec finds that out.
        const datagram = E.toUint8Array(text);
        if (text.length <= SHORT) handler(datagram, from.address, from.port);
        // In a turn of its own, when the interpreter has forgotten the text.
        else setTimeout(takeLong, 0, datagram, from.address, from.port);
      });
      opened.on("close", () => {
        forget(opened);
        // The interpreter says it twice of a socket that was closed here.
        if (socket === opened) reopen();
      });
      opened.bind(port);
      socket = opened;
      if (whenOpen !== undefined) setTimeout(whenOpen, 0);
      whenOpen = undefined;
    } catch (_thrown) {
      reopen();
    }
  };
  open();
  return {
    send: (datagram, address, to) => {
      // Without a network the interpreter would take what it cannot send for sent in part, and mix up all that follows.
      if (socket === undefined || !isOnline) return;
      const text = E.toString(datagram);
      // A message that cannot be sent is repeated by who waits for an answer.
      if (text !== undefined) socket.send(text, to, address);
    },
    onDatagram: (taker) => {
      handler = taker;
    },
    setOnline: (ready) => {
      isOnline = ready !== undefined;
      whenOpen = ready;
      if (ready === undefined) return;
      // What the interpreter could not send while it found out that the network was gone goes with the socket.
      if (socket !== undefined && wasOnline) socket.close();
      else if (socket !== undefined) {
        whenOpen = undefined;
        setTimeout(ready, 0);
      }
      wasOnline = true;
    },
  };
}

/** The interpreter keeps some closed sockets, 16 variables each, and goes on reading under their number, which is that of the next one. */
function forget(closed: BoardSocket): void {
  const hidden = global[String.fromCharCode(HIDDEN)];
  for (let i = 0; i < SOCKETS.length; i++) {
    const sockets = hidden === undefined ? undefined : hidden[SOCKETS[i] as string];
    if (sockets === undefined) continue;
    const keys = Object.keys(sockets);
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at] as string;
      if (sockets[key] === closed) delete sockets[key];
    }
  }
}
