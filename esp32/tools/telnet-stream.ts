/** Characters of the Telnet protocol (RFC 854). */
const IAC = 255;
const DONT = 254;
const DO = 253;
const WONT = 252;
const WILL = 251;
const BEGIN = 250;
const END = 240;

/** Options: bytes as they are (RFC 856), no turns to take (RFC 858), and serial lines (RFC 2217). */
const BINARY = 0;
const NO_GO_AHEAD = 3;
const SERIAL_LINE = 44;
const SPOKEN: readonly number[] = [BINARY, NO_GO_AHEAD, SERIAL_LINE];

/** Longest message about the line that is kept, bytes: they have five at most. */
const LONGEST_MESSAGE = 64;

/** What came out of a stream. */
export interface TelnetInput {
  /** Bytes of the serial line. */
  readonly data: Uint8Array;
  /** What has to be sent back. */
  readonly reply: Uint8Array;
  /** Messages about the serial line: a code and its value. */
  readonly messages: readonly Uint8Array[];
  /** True when the other side said that it knows nothing of serial lines. */
  readonly isRefused: boolean;
}

/** The first words to a server of serial lines. */
export function telnetGreeting(): Uint8Array {
  return Uint8Array.from([
    ...SPOKEN.flatMap((option) => [IAC, WILL, option]),
    ...[BINARY, NO_GO_AHEAD].flatMap((option) => [IAC, DO, option]),
  ]);
}

/** Bytes of the serial line as they travel. */
export function telnetData(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes].flatMap((byte) => (byte === IAC ? [IAC, IAC] : [byte])));
}

/** A message about the serial line. */
export function telnetMessage(code: number, value: readonly number[]): Uint8Array {
  const content = telnetData(Uint8Array.from(value));
  return Uint8Array.from([IAC, BEGIN, SERIAL_LINE, code, ...content, IAC, END]);
}

/** Tells the bytes of a serial line from what a server says of it, however they are cut. */
export class TelnetDecoder {
  #state: "data" | "command" | "option" | "message" | "messageCommand" = "data";
  #verb = 0;
  #message: number[] = [];
  /** What was agreed on, so that an answer is not answered. */
  readonly #agreed = new Set<string>();

  push(bytes: Uint8Array): TelnetInput {
    const data: number[] = [];
    const reply: number[] = [];
    const messages: Uint8Array[] = [];
    let isRefused = false;
    for (const byte of bytes) {
      if (this.#state === "data") {
        if (byte === IAC) this.#state = "command";
        else data.push(byte);
      } else if (this.#state === "command") {
        this.#state = "data";
        if (byte === IAC) data.push(byte);
        else if (byte === BEGIN) {
          this.#state = "message";
          this.#message = [];
        } else if (byte >= WILL) {
          this.#state = "option";
          this.#verb = byte;
        }
      } else if (this.#state === "option") {
        this.#state = "data";
        reply.push(...this.#answer(this.#verb, byte));
        if (this.#verb === DONT && byte === SERIAL_LINE) isRefused = true;
      } else if (this.#state === "message") {
        if (byte === IAC) this.#state = "messageCommand";
        else this.#collect(byte);
      } else if (byte === IAC) {
        this.#state = "message";
        this.#collect(byte);
      } else {
        this.#state = "data";
        const [option, ...message] = this.#message;
        if (option === SERIAL_LINE) messages.push(Uint8Array.from(message));
      }
    }
    return { data: Uint8Array.from(data), reply: Uint8Array.from(reply), messages, isRefused };
  }

  #collect(byte: number): void {
    if (this.#message.length < LONGEST_MESSAGE) this.#message.push(byte);
  }

  /** Agrees to what is spoken here, once, and refuses all else. */
  #answer(verb: number, option: number): readonly number[] {
    if (verb === DONT || verb === WONT) return [];
    const isSpoken = SPOKEN.includes(option);
    const key = `${verb} ${option}`;
    if (this.#agreed.has(key)) return [];
    this.#agreed.add(key);
    // What the greeting said already needs no repetition.
    if (isSpoken && (verb === DO || option !== SERIAL_LINE)) return [];
    if (verb === DO) return [IAC, WONT, option];
    return [IAC, isSpoken ? DO : DONT, option];
  }
}
