import { encodeMessage, type Message } from "../coap/message.js";
import type { EndpointCounters } from "./counters.js";
import { createCounters } from "./counters.js";
import type { Failure, Transmission } from "./exchange.js";
import type { Peer, PeerTable } from "./peer.js";
import { repeatedAnswer } from "./seen.js";
import type { EndpointSettings } from "./settings.js";
import type { DatagramPort, Timers } from "./transport.js";

/** What an endpoint works with: its socket, time, randomness and the peers it remembers. */
export class Link {
  readonly timers: Timers;
  readonly settings: EndpointSettings;
  readonly counters: EndpointCounters;
  /** Is told of what a handler threw. */
  onFault: ((fault: unknown) => void) | undefined;
  /** Makes what a peer has to send back to prove its address; undefined: drawn and remembered for each. */
  echoFor: ((address: string, port: number) => Uint8Array) | undefined;
  /** Nothing is sent any more. */
  closed: boolean;
  private readonly socket: DatagramPort;
  private readonly peers: PeerTable;
  private readonly random: (target: Uint8Array) => Uint8Array;
  private readonly forget: (peer: Peer) => void;

  /** @param forget is told of a peer that had to make room */
  constructor(
    socket: DatagramPort,
    timers: Timers,
    random: (target: Uint8Array) => Uint8Array,
    settings: EndpointSettings,
    peers: PeerTable,
    forget: (peer: Peer) => void,
  ) {
    this.socket = socket;
    this.timers = timers;
    this.random = random;
    this.settings = settings;
    this.peers = peers;
    this.forget = forget;
    this.counters = createCounters();
    this.onFault = undefined;
    this.echoFor = undefined;
    this.closed = false;
  }

  /** Random bytes. */
  draw(count: number): Uint8Array {
    return this.random(new Uint8Array(count));
  }

  /** What a peer has to send back to prove its address (RFC 9175 section 2). */
  echoOf(peer: Peer): Uint8Array {
    if (this.echoFor !== undefined) return this.echoFor(peer.address, peer.port);
    if (peer.echo === undefined) peer.echo = this.draw(8);
    return peer.echo;
  }

  /** The peer at an address if it is known. */
  known(address: string, port: number): Peer | undefined {
    return this.peers.find(address, port);
  }

  /** The peer at an address; one that is not known yet is remembered from now on. */
  peerAt(address: string, port: number): Peer {
    const known = this.peers.find(address, port);
    return known === undefined ? this.addPeer(address, port) : known;
  }

  private addPeer(address: string, port: number): Peer {
    const start = this.draw(2);
    const peer: Peer = {
      address,
      port,
      nextMessageId: ((start[0] as number) << 8) | (start[1] as number),
      repetitions: 0,
      seen: { keys: [], answers: [], expiresMs: [], next: 0 },
      current: undefined,
      waiting: [],
      unacknowledged: [],
      pending: 0,
      bodies: [],
      observations: 0,
      echo: undefined,
      verified: false,
    };
    const evicted = this.peers.add(peer);
    if (evicted !== undefined) {
      this.counters.evictedPeers++;
      this.forget(evicted);
    }
    return peer;
  }

  /** Calls `visit` for every peer. */
  eachPeer(visit: (peer: Peer) => void): void {
    this.peers.each(visit);
  }

  /** Sends bytes to an address. */
  sendBytes(to: { readonly address: string; readonly port: number }, datagram: Uint8Array): void {
    if (this.closed) return;
    this.counters.sent++;
    this.socket.send(datagram, to.address, to.port);
  }

  /** Sends a message once and returns its bytes. */
  send(to: { readonly address: string; readonly port: number }, message: Message): Uint8Array {
    const datagram = encodeMessage(message);
    this.sendBytes(to, datagram);
    return datagram;
  }

  /** Answers a message that came again as before, if there is an answer. */
  repeatAnswer(peer: Peer, at: number, message: Message): void {
    const answer = repeatedAnswer(peer, at, message);
    if (answer !== undefined) this.sendBytes(peer, answer);
  }

  /** A message id that this peer has not seen for a long time. */
  messageId(peer: Peer): number {
    const id = peer.nextMessageId;
    peer.nextMessageId = (id + 1) & 0xffff;
    return id;
  }

  /**
   * Sends a message and repeats it until it is acknowledged (RFC 7252 section 4.2).
   * @param giveUp runs when no repetition is left, or no response follows the acknowledgement
   */
  transmit(peer: Peer, transmission: Transmission, giveUp: () => void): void {
    const { ackTimeoutMs, ackRandomFactor, maxRetransmit, maxTimeoutMs } = this.settings;
    const spread = (this.draw(1)[0] as number) / 255;
    transmission.timeoutMs = ackTimeoutMs * (1 + spread * (ackRandomFactor - 1));
    transmission.repetitions = 0;
    transmission.acknowledged = false;
    transmission.datagram = encodeMessage(transmission.message);
    const repeat = () => {
      transmission.timer = 0;
      if (transmission.repetitions >= maxRetransmit) {
        this.counters.timeouts++;
        giveUp();
        return;
      }
      transmission.repetitions++;
      transmission.timeoutMs = Math.min(transmission.timeoutMs * 2, maxTimeoutMs);
      this.counters.retransmissions++;
      peer.repetitions++;
      transmission.timer = this.timers.set(transmission.timeoutMs, repeat);
      this.sendBytes(peer, transmission.datagram);
    };
    // Timers are set before anything is sent: the answer may come while the socket still sends.
    transmission.timer = this.timers.set(transmission.timeoutMs, repeat);
    this.sendBytes(peer, transmission.datagram);
  }

  /** The peer has the message: no more repetitions, but the response must come in time. */
  acknowledge(transmission: Transmission, giveUp: () => void): void {
    if (transmission.acknowledged) return;
    transmission.acknowledged = true;
    this.stop(transmission);
    transmission.timer = this.timers.set(this.settings.responseTimeoutMs, () => {
      transmission.timer = 0;
      this.counters.timeouts++;
      giveUp();
    });
  }

  /** Ends the timer of a transmission. */
  stop(transmission: Transmission): void {
    if (transmission.timer !== 0) this.timers.clear(transmission.timer);
    transmission.timer = 0;
  }

  /** Tells who waits for a transmission how it ended; what they throw ends nothing. */
  settle(transmission: Transmission, response: Message | undefined, failure: Failure | undefined): void {
    try {
      transmission.done(response, failure);
    } catch (fault) {
      this.fault(fault);
    }
  }

  /** A handler threw something. */
  fault(fault: unknown): void {
    this.counters.faults++;
    if (this.onFault !== undefined) this.onFault(fault);
  }
}
