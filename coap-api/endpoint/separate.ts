import type { Message } from "../coap/message.js";
import type { Exchange } from "./exchange.js";
import type { Link } from "./link.js";
import type { Peer } from "./peer.js";

/** Most responses and notifications to one peer that wait for their acknowledgement. */
const MOST = 8;

/** Sends confirmable responses and notifications of our own until they are acknowledged (RFC 7252 section 5.2.2). */
export class Separate {
  private readonly link: Link;

  constructor(link: Link) {
    this.link = link;
  }

  /** @param failed runs when the peer refuses the message or never acknowledges it */
  send(peer: Peer, message: Message, failed: () => void, delivered?: () => void): void {
    if (peer.unacknowledged.length >= MOST) {
      this.link.counters.refused++;
      failed();
      return;
    }
    const exchange: Exchange = {
      message,
      datagram: message.payload,
      timer: 0,
      timeoutMs: 0,
      repetitions: 0,
      acknowledged: false,
      request: undefined,
      done: (_response, failure) => {
        if (failure !== undefined) failed();
        else if (delivered !== undefined) delivered();
      },
      sentBytes: 0,
      exponent: 0,
      parts: [],
      receivedBytes: 0,
      etag: message.etag,
      restarts: 0,
    };
    peer.unacknowledged.push(exchange);
    this.link.transmit(peer, exchange, () => {
      this.remove(peer, exchange);
      exchange.done(undefined, "timeout");
    });
  }

  /** Takes an acknowledgement or a reset; false when it is for none of these messages. */
  take(peer: Peer, messageId: number, reset: boolean): boolean {
    const { unacknowledged } = peer;
    for (let i = 0; i < unacknowledged.length; i++) {
      const exchange = unacknowledged[i] as Exchange;
      if (exchange.message.messageId !== messageId) continue;
      this.remove(peer, exchange);
      exchange.done(undefined, reset ? "reset" : undefined);
      return true;
    }
    return false;
  }

  /** Forgets everything that waits for a peer. */
  abandon(peer: Peer): void {
    const all = peer.unacknowledged;
    peer.unacknowledged = [];
    for (let i = 0; i < all.length; i++) {
      this.link.stop(all[i] as Exchange);
      (all[i] as Exchange).done(undefined, "closed");
    }
  }

  private remove(peer: Peer, exchange: Exchange): void {
    this.link.stop(exchange);
    const at = peer.unacknowledged.indexOf(exchange);
    if (at >= 0) peer.unacknowledged.splice(at, 1);
  }
}
