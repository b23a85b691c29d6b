import { ACK, CHANGED, CON, EMPTY, isRequest, isResponse, NON, POST, RST } from "../coap/codes.js";
import { createMessage, decodeMessage, type Message } from "../coap/message.js";
import { NOTHING } from "../nothing.js";
import type { EndpointCounters } from "./counters.js";
import type { Done, OutgoingRequest } from "./exchange.js";
import { HeldBodies } from "./held-bodies.js";
import { Link } from "./link.js";
import { Observers } from "./observers.js";
import type { Peer, PeerTable } from "./peer.js";
import { type QuickPost, takeQuickPost } from "./quick-post.js";
import type { ReplyOptions } from "./reply-options.js";
import { RequestClient } from "./request-client.js";
import {
  type AckDelay,
  type BodyLimit,
  type BodySinkOf,
  type RequestHandler,
  RequestServer,
} from "./request-server.js";
import { ResponseBlocks } from "./response-blocks.js";
import { ANSWERED, addSeen, findSeen, SILENCE, seenKey } from "./seen.js";
import { Separate } from "./separate.js";
import type { EndpointSettings } from "./settings.js";
import type { DatagramPort, Timers } from "./transport.js";

/** A CoAP endpoint (RFC 7252), client and server on one socket, the same for a board and for a gateway. */
export class Endpoint {
  /** What happened since the start. */
  readonly counters: EndpointCounters;
  private readonly link: Link;
  private readonly client: RequestClient;
  private readonly server: RequestServer;
  private readonly separate: Separate;
  private readonly observers: Observers;
  private readonly held: HeldBodies;
  /** Carries out requests to a path of one letter, whose code this is; 0: none. */
  private quickLetter: number;
  private quickPost: QuickPost | undefined;

  /** @param random fills its argument with random bytes */
  constructor(
    socket: DatagramPort,
    timers: Timers,
    random: (target: Uint8Array) => Uint8Array,
    settings: EndpointSettings,
    peers: PeerTable,
  ) {
    this.link = new Link(socket, timers, random, settings, peers, (peer) => this.forget(peer));
    this.counters = this.link.counters;
    this.separate = new Separate(this.link);
    this.held = new HeldBodies(this.link);
    const blocks = new ResponseBlocks(this.link, this.held);
    this.quickLetter = 0;
    this.quickPost = undefined;
    this.observers = new Observers(this.link, this.separate, blocks);
    this.client = new RequestClient(this.link);
    this.server = new RequestServer(this.link, this.separate, this.observers, blocks, this.held);
    socket.onDatagram((datagram, address, port) => {
      if (!this.link.closed) this.receive(datagram, address, port);
    });
  }

  /** Sets who carries out requests. */
  onRequest(handler: RequestHandler): void {
    this.server.handler = handler;
  }

  /** Sets who is asked first about a `POST` to a path of one letter that is nothing but a payload. */
  onQuickPost(letter: string, handler: QuickPost): void {
    this.quickLetter = letter.charCodeAt(0);
    this.quickPost = handler;
  }

  /** Sets how large a request body may be; without it, as large as the settings say. */
  onBodyLimit(limit: BodyLimit): void {
    this.server.bodyLimit = limit;
  }

  /** Sets after how long a request is acknowledged by itself; without it, as the settings say. */
  onAckDelay(delay: AckDelay): void {
    this.server.ackDelay = delay;
  }

  /** Sets where bodies go that are not to be kept as a whole; their handler gets none. Such a peer tells the length first (Size1). */
  onBodySink(sinkOf: BodySinkOf): void {
    this.server.bodySink = sinkOf;
  }

  /** Sets who is told of what a handler threw; without it, such a fault is only counted. */
  onFault(handler: (fault: unknown) => void): void {
    this.link.onFault = handler;
  }

  /**
   * Sets how the proofs are made that peers send back, so that nothing has to be remembered of them: the same bytes for the same
   * peer, 1 to 40, which nobody else can guess.
   */
  onEcho(handler: (address: string, port: number) => Uint8Array): void {
    this.link.echoFor = handler;
  }

  /** True when somebody at an address proved to receive what is sent there. */
  isVerified(address: string, port: number): boolean {
    return this.link.known(address, port)?.verified === true;
  }

  /** Sends a request; `done` runs exactly once, with the response or the reason why there is none. */
  request(address: string, port: number, request: OutgoingRequest, done: Done): void {
    if (this.link.closed) done(undefined, "closed");
    else this.client.request(this.link.peerAt(address, port), request, done);
  }

  /** Sends the new representation of a path to everybody who observes it. */
  notify(path: string, code: number, payload: Uint8Array, options?: ReplyOptions): void {
    this.observers.notify(path, code, payload, options);
  }

  /** How many observations clients have. */
  observerCount(): number {
    return this.observers.count();
  }

  /** Ends everything that is under way with a peer, because it is gone or started anew. */
  abandon(address: string, port: number): void {
    const peer = this.link.known(address, port);
    if (peer !== undefined) this.forget(peer);
  }

  /** Ends the requests to a peer, also those that wait; `done` of each runs. */
  abandonRequests(address: string, port: number): void {
    const peer = this.link.known(address, port);
    if (peer !== undefined) this.client.abandon(peer);
  }

  /** Repeats the request to a peer that is not acknowledged yet at once, because its repetitions so far had no chance. */
  repeatRequest(address: string, port: number): void {
    const peer = this.link.known(address, port);
    if (peer !== undefined) this.client.repeat(peer);
  }

  /** Ends everything with every peer; nothing is sent any more, and no timer is left. */
  close(): void {
    this.link.closed = true;
    this.link.eachPeer((peer) => this.forget(peer));
    this.server.close();
  }

  private forget(peer: Peer): void {
    this.observers.removeAll(peer);
    this.separate.abandon(peer);
    this.held.releaseAll(peer);
    this.client.abandon(peer);
  }

  private receive(datagram: Uint8Array, address: string, port: number): void {
    const { counters } = this.link;
    counters.received++;
    const { quickPost } = this;
    const code = datagram[1];
    // Nothing can be sent to port 0, and a socket that is asked to may refuse loudly.
    if (port === 0) counters.malformed++;
    else if (code === POST && quickPost !== undefined) {
      if (!takeQuickPost(this.link, datagram, address, port, this.quickLetter, quickPost))
        this.take(datagram, address, port);
    } else if (code !== CHANGED || !this.client.takeChanged(this.link.known(address, port), datagram))
      this.take(datagram, address, port);
  }

  private take(datagram: Uint8Array, address: string, port: number): void {
    const { counters } = this.link;
    let message: Message;
    try {
      message = decodeMessage(datagram);
    } catch (_fault) {
      counters.malformed++;
      this.refuseMalformed(datagram, address, port);
      return;
    }
    const { type, code } = message;
    if ((type === CON || type === NON) && isRequest(code))
      this.server.take(this.link.peerAt(address, port), message, datagram.length);
    else if (!this.takeAnswer(this.link.known(address, port), message)) {
      // An empty confirmable message is a ping (RFC 7252 section 4.3), anything else a mistake.
      if (type !== CON || code !== EMPTY) counters.unexpected++;
      if (type === CON) this.reset(message.messageId, address, port);
    }
  }

  /** Takes what is no request; false when it belongs to nothing that we sent. */
  private takeAnswer(peer: Peer | undefined, message: Message): boolean {
    const { type, code, messageId } = message;
    if (peer === undefined) return false;
    if (type === CON || type === NON) return isResponse(code) && this.takeSeparateResponse(peer, message);
    if (type === ACK && isResponse(code)) return this.client.takePiggybacked(peer, message);
    if (code !== EMPTY) return false;
    if (this.separate.take(peer, messageId, type === RST)) return true;
    if (type === RST) return this.client.takeReset(peer, messageId);
    return this.client.takeAcknowledgement(peer, messageId);
  }

  /** A response in a message of its own; a repetition of one is acknowledged again. */
  private takeSeparateResponse(peer: Peer, message: Message): boolean {
    const { messageId, type } = message;
    const { timers, settings, counters } = this.link;
    const now = timers.nowMs();
    const key = seenKey(messageId, message.token);
    const before = findSeen(peer.seen, key, now);
    if (before >= 0) {
      counters.duplicates++;
      this.link.repeatAnswer(peer, before, message);
      return true;
    }
    if (!this.client.isCurrent(peer, message)) return false;
    if (message.badOption !== 0) {
      this.client.takeResponse(peer, message);
      return false;
    }
    if (type === CON) this.link.send(peer, createMessage(ACK, EMPTY, messageId, NOTHING));
    const answer = type === CON ? ANSWERED : SILENCE;
    addSeen(peer.seen, key, answer, now + settings.exchangeLifetimeMs, settings.duplicatesPerPeer);
    return this.client.takeResponse(peer, message);
  }

  /** A confirmable message that cannot be read is answered with a reset (RFC 7252 section 4.2). */
  private refuseMalformed(datagram: Uint8Array, address: string, port: number): void {
    const first = datagram[0];
    if (datagram.length < 4 || first === undefined || first >> 6 !== 1 || ((first >> 4) & 3) !== CON) return;
    this.reset(((datagram[2] as number) << 8) | (datagram[3] as number), address, port);
  }

  /** Refuses a message without remembering who sent it. */
  private reset(messageId: number, address: string, port: number): void {
    this.link.send({ address, port }, createMessage(RST, EMPTY, messageId, NOTHING));
  }
}
