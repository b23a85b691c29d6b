/** Kinds of packets on the console of Espruino (README_Protocol, "Packet Transfer"; firmware 2v25 and later). */
export const PACKET = { response: 0, evaluate: 1, event: 2, fileSend: 3, data: 4, fileReceive: 5 } as const;

export type PacketType = (typeof PACKET)[keyof typeof PACKET];

/** Most bytes in one packet: their number has 13 bits. */
export const MOST_PACKET_BYTES = 0x1fff;

/** Control characters of the console. */
export const CONTROL = {
  soh: 1,
  interrupt: 3,
  enquiry: 5,
  acknowledge: 6,
  dle: 16,
  resume: 17,
  pause: 19,
  refuse: 21,
} as const;

/** A packet as it travels. */
export function encodePacket(type: PacketType, payload: Uint8Array): Uint8Array {
  if (payload.length > MOST_PACKET_BYTES) throw new RangeError(`a packet of ${payload.length} bytes`);
  const packet = new Uint8Array(4 + payload.length);
  packet.set([CONTROL.dle, CONTROL.soh, (type << 5) | (payload.length >> 8), payload.length & 0xff]);
  packet.set(payload, 4);
  return packet;
}

/** Something that the console sent. */
export type ConsoleEvent =
  | { readonly kind: "acknowledge" | "refuse" | "pause" | "resume" }
  | { readonly kind: "packet"; readonly type: number; readonly payload: Uint8Array }
  | { readonly kind: "text"; readonly text: string };

/** Tells the packets, the control characters and the text of a console apart, however its bytes are cut. */
export class ConsoleDecoder {
  #text = "";
  #afterDle = false;
  #header: number[] | undefined;
  #payload: Uint8Array | undefined;
  #filled = 0;
  #type = 0;

  /** Forgets a packet that was begun: its rest was lost. */
  reset(): void {
    this.#header = undefined;
    this.#payload = undefined;
    this.#afterDle = false;
  }

  /** Takes what arrived and gives what became complete; text is given as it comes, one character a byte. */
  push(bytes: Uint8Array): ConsoleEvent[] {
    const events: ConsoleEvent[] = [];
    for (const byte of bytes) this.#take(byte, events);
    this.#flushText(events);
    return events;
  }

  #take(byte: number, events: ConsoleEvent[]): void {
    if (this.#payload !== undefined) {
      this.#payload[this.#filled++] = byte;
      this.#finishPacket(events);
    } else if (this.#header !== undefined) this.#takeHeader(byte, events);
    else if (this.#afterDle && byte === CONTROL.soh) {
      this.#flushText(events);
      this.#header = [];
      this.#afterDle = false;
    } else {
      this.#afterDle = byte === CONTROL.dle;
      if (!this.#afterDle) this.#takeOutside(byte, events);
    }
  }

  #takeHeader(byte: number, events: ConsoleEvent[]): void {
    const [high] = this.#header ?? [];
    if (high === undefined) {
      this.#header = [byte];
      return;
    }
    this.#header = undefined;
    this.#type = high >> 5;
    this.#payload = new Uint8Array(((high & 0x1f) << 8) | byte);
    this.#filled = 0;
    this.#finishPacket(events);
  }

  #finishPacket(events: ConsoleEvent[]): void {
    const payload = this.#payload;
    if (payload === undefined || this.#filled < payload.length) return;
    events.push({ kind: "packet", type: this.#type, payload });
    this.#payload = undefined;
  }

  #takeOutside(byte: number, events: ConsoleEvent[]): void {
    const kind = KINDS[byte];
    if (kind === undefined) {
      this.#text += String.fromCharCode(byte);
      return;
    }
    this.#flushText(events);
    events.push({ kind });
  }

  #flushText(events: ConsoleEvent[]): void {
    if (this.#text !== "") events.push({ kind: "text", text: this.#text });
    this.#text = "";
  }
}

const KINDS: Readonly<Record<number, "acknowledge" | "refuse" | "pause" | "resume">> = {
  [CONTROL.acknowledge]: "acknowledge",
  [CONTROL.refuse]: "refuse",
  [CONTROL.pause]: "pause",
  [CONTROL.resume]: "resume",
};
