import { encodeMessage, type Message } from "../coap/message.js";
import type { EndpointCounters } from "./counters.js";
import { createCounters } from "./counters.js";
import type { Exchange } from "./exchange.js";
import type { Peer, PeerTable } from "./peer.js";
import type { EndpointSettings } from "./settings.js";
import type { DatagramPort, Timers } from "./transport.js";

/** What an endpoint works with: its socket, time, randomness and the peers it remembers. */
export class Link {
  readonly timers: Timers;
  readonly settings: EndpointSettings;
  readonly counters: EndpointCounters;
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
  }

  /** Random bytes. */
  draw(count: number): Uint8Array {
    return this.random(new Uint8Array(count));
  }

  /** The peer at an address; one that is not known yet is remembered from now on. */
  peerAt(address: string, port: number): Peer {
    const known = this.peers.find(address, port);
    if (known !== undefined) return known;
    const start = this.draw(2);
    const peer: Peer = {
      address,
      port,
      nextMessageId: ((start[0] as number) << 8) | (start[1] as number),
      repetitions: 0,
      seen: [],
      current: undefined,
      waiting: [],
      unacknowledged: [],
      assembly: undefined,
      served: undefined,
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

  /** Sends bytes to a peer. */
  sendBytes(peer: Peer, datagram: Uint8Array): void {
    this.counters.sent++;
    this.socket.send(datagram, peer.address, peer.port);
  }

  /** Sends a message once and returns its bytes. */
  send(peer: Peer, message: Message): Uint8Array {
    const datagram = encodeMessage(message);
    this.sendBytes(peer, datagram);
    return datagram;
  }

  /** A message id that this peer has not seen for a long time. */
  messageId(peer: Peer): number {
    const id = peer.nextMessageId;
    peer.nextMessageId = (id + 1) & 0xffff;
    return id;
  }

  /**
   * Sends the message of an exchange and repeats it until it is acknowledged (RFC 7252 section 4.2).
   * @param giveUp runs when no repetition is left, or no response follows the acknowledgement
   */
  transmit(peer: Peer, exchange: Exchange, giveUp: () => void): void {
    const { ackTimeoutMs, ackRandomFactor, maxRetransmit, maxTimeoutMs } = this.settings;
    const spread = (this.draw(1)[0] as number) / 255;
    exchange.timeoutMs = ackTimeoutMs * (1 + spread * (ackRandomFactor - 1));
    exchange.repetitions = 0;
    exchange.acknowledged = false;
    exchange.datagram = this.send(peer, exchange.message);
    const repeat = () => {
      exchange.timer = 0;
      if (exchange.acknowledged || exchange.repetitions >= maxRetransmit) {
        this.counters.timeouts++;
        giveUp();
        return;
      }
      exchange.repetitions++;
      exchange.timeoutMs = Math.min(exchange.timeoutMs * 2, maxTimeoutMs);
      this.counters.retransmissions++;
      peer.repetitions++;
      this.sendBytes(peer, exchange.datagram);
      exchange.timer = this.timers.set(exchange.timeoutMs, repeat);
    };
    exchange.timer = this.timers.set(exchange.timeoutMs, repeat);
  }

  /** The peer has the message: no more repetitions, but the response must come in time. */
  acknowledge(exchange: Exchange, giveUp: () => void): void {
    if (exchange.acknowledged) return;
    exchange.acknowledged = true;
    this.stop(exchange);
    exchange.timer = this.timers.set(this.settings.responseTimeoutMs, () => {
      exchange.timer = 0;
      this.counters.timeouts++;
      giveUp();
    });
  }

  /** Ends the timer of an exchange. */
  stop(exchange: Exchange): void {
    if (exchange.timer !== 0) this.timers.clear(exchange.timer);
    exchange.timer = 0;
  }
}
