import type { Message } from "../coap/message.js";
import type { Transmission } from "./exchange.js";
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

  /** @param ended runs when the message was acknowledged (true), or refused or never acknowledged (false) */
  send(peer: Peer, message: Message, ended: (delivered: boolean) => void): void {
    if (peer.unacknowledged.length >= MOST) {
      this.link.counters.refused++;
      ended(false);
      return;
    }
    const transmission: Transmission = {
      message,
      datagram: message.payload,
      timer: 0,
      timeoutMs: 0,
      repetitions: 0,
      acknowledged: false,
      done: (_response, failure) => ended(failure === undefined),
    };
    peer.unacknowledged.push(transmission);
    this.link.transmit(peer, transmission, () => {
      this.remove(peer, transmission);
      transmission.done(undefined, "timeout");
    });
  }

  /** Takes an acknowledgement or a reset; false when it is for none of these messages. */
  take(peer: Peer, messageId: number, reset: boolean): boolean {
    const { unacknowledged } = peer;
    for (let i = 0; i < unacknowledged.length; i++) {
      const transmission = unacknowledged[i] as Transmission;
      if (transmission.message.messageId !== messageId) continue;
      this.remove(peer, transmission);
      transmission.done(undefined, reset ? "reset" : undefined);
      return true;
    }
    return false;
  }

  /** Forgets everything that waits for a peer. */
  abandon(peer: Peer): void {
    const all = peer.unacknowledged;
    peer.unacknowledged = [];
    for (let i = 0; i < all.length; i++) {
      const transmission = all[i] as Transmission;
      this.link.stop(transmission);
      transmission.done(undefined, "closed");
    }
  }

  private remove(peer: Peer, transmission: Transmission): void {
    this.link.stop(transmission);
    const at = peer.unacknowledged.indexOf(transmission);
    if (at >= 0) peer.unacknowledged.splice(at, 1);
  }
}
