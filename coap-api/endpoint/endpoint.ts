import { ACK, CON, EMPTY, isRequest, isResponse, NOT_FOUND, RST } from "../coap/codes.js";
import { createMessage, decodeMessage, type Message } from "../coap/message.js";
import { WireFault } from "../wire-fault.js";
import type { EndpointCounters } from "./counters.js";
import type { Done, OutgoingRequest } from "./exchange.js";
import { Link } from "./link.js";
import { Observers } from "./observers.js";
import type { Peer, PeerTable } from "./peer.js";
import { RequestClient } from "./request-client.js";
import { type RequestHandler, RequestServer } from "./request-server.js";
import { Separate } from "./separate.js";
import type { EndpointSettings } from "./settings.js";
import type { DatagramPort, Timers } from "./transport.js";

const NOTHING = new Uint8Array(0);

/** A CoAP endpoint (RFC 7252), client and server on one socket, the same for a board and for a gateway. */
export class Endpoint {
  private readonly link: Link;
  private readonly client: RequestClient;
  private readonly server: RequestServer;
  private readonly separate: Separate;
  private readonly observers: Observers;

  /** @param random fills its argument with random bytes */
  constructor(
    socket: DatagramPort,
    timers: Timers,
    random: (target: Uint8Array) => Uint8Array,
    settings: EndpointSettings,
    peers: PeerTable,
  ) {
    this.link = new Link(socket, timers, random, settings, peers, (peer) => this.forget(peer));
    this.separate = new Separate(this.link);
    this.observers = new Observers(this.link, this.separate);
    this.client = new RequestClient(this.link);
    this.server = new RequestServer(this.link, this.separate, this.observers, (_request, reply) => {
      reply(NOT_FOUND, NOTHING);
    });
    socket.onDatagram((datagram, address, port) => this.receive(datagram, address, port));
  }

  get counters(): EndpointCounters {
    return this.link.counters;
  }

  /** Sets who carries out requests. */
  onRequest(handler: RequestHandler): void {
    this.server.handler = handler;
  }

  /** Sends a request; `done` runs exactly once, with the response or the reason why there is none. */
  request(address: string, port: number, request: OutgoingRequest, done: Done): void {
    this.client.request(this.link.peerAt(address, port), request, done);
  }

  /** Sends the new representation of a path to everybody who observes it. */
  notify(path: string, code: number, payload: Uint8Array): void {
    this.observers.notify(path, code, payload);
  }

  /** Ends everything that is under way with a peer, because it is gone or started anew. */
  abandon(address: string, port: number): void {
    this.forget(this.link.peerAt(address, port));
  }

  private forget(peer: Peer): void {
    this.observers.removeAll(peer);
    this.separate.abandon(peer);
    this.client.abandon(peer, "closed");
  }

  private receive(datagram: Uint8Array, address: string, port: number): void {
    const { counters } = this.link;
    if (port === 0) {
      counters.malformed++;
      return;
    }
    counters.received++;
    let message: Message;
    try {
      message = decodeMessage(datagram);
    } catch (fault) {
      if (!(fault instanceof WireFault)) throw fault;
      counters.malformed++;
      this.refuseMalformed(datagram, address, port);
      return;
    }
    this.dispatch(this.link.peerAt(address, port), message, datagram.length);
  }

  private dispatch(peer: Peer, message: Message, size: number): void {
    const { type, code, messageId } = message;
    if (type === ACK || type === RST) {
      if (type === ACK && isResponse(code)) this.client.takePiggybacked(peer, message);
      else if (code === EMPTY) {
        const ours = this.separate.take(peer, messageId, type === RST);
        if (!ours && type === RST) this.client.takeReset(peer, messageId);
        else if (!ours) this.client.takeAcknowledgement(peer, messageId);
      }
      return;
    }
    if (isRequest(code)) {
      this.server.take(peer, message, size);
      return;
    }
    const known = isResponse(code) && this.takeSeparateResponse(peer, message);
    if (!known && type === CON) this.link.send(peer, createMessage(RST, EMPTY, messageId, NOTHING));
  }

  /** A response in a message of its own; a repetition of one is acknowledged again. */
  private takeSeparateResponse(peer: Peer, message: Message): boolean {
    const { messageId, type } = message;
    const { seen } = peer;
    const now = this.link.timers.nowMs();
    for (let i = 0; i < seen.length; i++) {
      const entry = seen[i];
      if (entry === undefined || entry.messageId !== messageId || entry.expiresMs < now) continue;
      this.link.counters.duplicates++;
      if (type === CON && entry.reply !== undefined) this.link.sendBytes(peer, entry.reply);
      return true;
    }
    const acknowledgement = createMessage(ACK, EMPTY, messageId, NOTHING);
    if (!this.client.isCurrent(peer, message)) return false;
    const reply = type === CON ? this.link.send(peer, acknowledgement) : undefined;
    seen.push({ messageId, expiresMs: now + this.link.settings.exchangeLifetimeMs, reply });
    if (seen.length > this.link.settings.duplicatesPerPeer) seen.shift();
    return this.client.takeResponse(peer, message);
  }

  /** A confirmable message that cannot be read is answered with a reset (RFC 7252 section 4.2). */
  private refuseMalformed(datagram: Uint8Array, address: string, port: number): void {
    const first = datagram[0];
    if (datagram.length < 4 || first === undefined || first >> 6 !== 1 || ((first >> 4) & 3) !== CON) return;
    const messageId = ((datagram[2] as number) << 8) | (datagram[3] as number);
    this.link.send(this.link.peerAt(address, port), createMessage(RST, EMPTY, messageId, NOTHING));
  }
}
