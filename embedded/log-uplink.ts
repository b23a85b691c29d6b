import { encodeLogLines, type LogLine } from "../coap-api/operations/log-lines.js";
import { utf8Bytes } from "../coap-api/utf8.js";
import type { GatewayLink } from "./gateway-link.js";
import type { Switchboard } from "./switchboard.js";

/** Bytes of text in one batch, so that it fits into one datagram; what is longer is cut. */
const BATCH_BYTES = 220;
/** Bytes of a target that are sent. */
const LONGEST_TARGET = 60;
/** Bytes that CBOR adds to a line, at most. */
const HEADS = 8;

/** Log lines of functions on their way to the gateway, in batches of one datagram, not more often than an interval. */
export class LogUplink {
  private readonly link: GatewayLink;
  private readonly board: Switchboard;
  private queue: LogLine[];
  private dropped: number;
  private busy: boolean;
  private timer: number;

  constructor(link: GatewayLink, board: Switchboard) {
    this.link = link;
    this.board = board;
    this.queue = [];
    this.dropped = 0;
    this.busy = false;
    this.timer = 0;
  }

  /** Takes a line; it is copied, and dropped when too many wait. Unknown levels count as errors (EDGELESS guest ABI). */
  add(handle: number, level: number, target: Uint8Array, message: Uint8Array): void {
    const { board } = this;
    if (this.queue.length >= board.settings.logCapacity || !board.hasRoomFor(message.length)) {
      this.dropped++;
      return;
    }
    const known = level >= 1 && level <= 5 ? level : 1;
    const name = cut(target, LONGEST_TARGET);
    const text = cut(message, BATCH_BYTES - HEADS - name.length);
    this.queue.push({ handle, level: known, target: name, message: text });
    this.pumpLater();
  }

  /** Sends a batch if the interval is over. */
  pump(): void {
    const first = this.queue[0];
    if (first === undefined || this.busy || this.timer !== 0 || !this.link.open) return;
    const batch: LogLine[] = [];
    if (this.dropped > 0) {
      const message = utf8Bytes(`${this.dropped} log lines dropped`);
      batch.push({ handle: first.handle, level: 2, target: utf8Bytes("device"), message });
      this.dropped = 0;
    }
    let room = BATCH_BYTES - batch.length * 40;
    while (this.queue.length > 0) {
      const line = this.queue[0] as LogLine;
      room -= line.target.length + line.message.length + HEADS;
      if (room < 0 && batch.length > 0) break;
      batch.push(line);
      this.queue.shift();
    }
    this.busy = true;
    this.link.post("l", "", encodeLogLines(batch), () => {
      this.busy = false;
      if (this.queue.length > 0) this.pumpLater();
    });
  }

  /** In a method of its own: what waits on a board holds on to all arguments around it, here to the memory of a function. */
  private pumpLater(): void {
    if (this.timer !== 0) return;
    this.timer = this.board.timers.set(this.board.settings.logIntervalMs, () => {
      this.timer = 0;
      this.pump();
    });
  }

  /** Forgets everything that waits. */
  clear(): void {
    this.queue = [];
    this.dropped = 0;
  }
}

/** A copy of UTF-8 text, cut in front of the first character that does not fit. */
function cut(text: Uint8Array, most: number): Uint8Array {
  let length = Math.min(text.length, most);
  while (length > 0 && length < text.length && ((text[length] as number) & 0xc0) === 0x80) length--;
  // What `slice` gives takes a variable for each byte on a board.
  return new Uint8Array(text.subarray(0, length));
}
