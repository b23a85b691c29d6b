import type { Clock } from "../../core/clock.js";
import { EdgelessError } from "../../core/errors.js";
import { LATE, withDeadline } from "../../platform/deadline.js";
import type { BytePort, Signals } from "./byte-port.js";
import { openTcpPort } from "./tcp-port.js";
import { TelnetDecoder, telnetData, telnetGreeting, telnetMessage } from "./telnet-stream.js";

/** Longest time until a server answers, milliseconds. */
const LIMIT_MS = 5_000;
/** Messages to a server; it answers each with its code and a hundred (RFC 2217, section 3). */
const SET_SPEED = 1;
const SET_FORMAT: readonly (readonly [code: number, value: number])[] = [
  [2, 8],
  [3, 1],
  [4, 1],
];
const SET_CONTROL = 5;
const ANSWER = 100;
/** Values of the control message: no flow control, and the modem lines. */
const NO_FLOW_CONTROL = 1;
const DTR = { on: 8, off: 9 } as const;
const RTS = { on: 11, off: 12 } as const;

/** A serial line of another computer, with its speed and its modem lines (RFC 2217). */
class Rfc2217Port implements BytePort {
  readonly name: string;
  readonly hasSignals = true;
  readonly lost: Promise<string>;
  readonly #line: BytePort;
  readonly #clock: Clock;
  readonly #decoder = new TelnetDecoder();
  #signals: Signals | undefined;
  #handler: ((bytes: Uint8Array) => void) | undefined;
  #waiting: { readonly code: number; resolve(): void } | undefined;
  #refuse: (reason: string) => void = () => {};

  constructor(line: BytePort, clock: Clock) {
    this.name = line.name;
    this.#line = line;
    this.#clock = clock;
    const refused = new Promise<string>((resolve) => {
      this.#refuse = resolve;
    });
    this.lost = Promise.race([line.lost, refused]);
    line.onData((bytes) => this.#take(bytes));
  }

  /** Sets the line up as boards want it. */
  async begin(baudRate: number): Promise<void> {
    await this.#line.write(telnetGreeting());
    await this.setBaudRate(baudRate);
    for (const [code, value] of SET_FORMAT) await this.#tell(code, [value]);
    await this.#tell(SET_CONTROL, [NO_FLOW_CONTROL]);
  }

  onData(handler: ((bytes: Uint8Array) => void) | undefined): void {
    this.#handler = handler;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#line.write(telnetData(bytes));
  }

  async setBaudRate(baudRate: number): Promise<void> {
    await this.#tell(SET_SPEED, [
      baudRate >>> 24,
      (baudRate >> 16) & 0xff,
      (baudRate >> 8) & 0xff,
      baudRate & 0xff,
    ]);
  }

  /** Only what changes: servers made for boards carry out whole resets when they see how one begins. */
  async setSignals({ dtr, rts }: Signals): Promise<void> {
    const before = this.#signals;
    this.#signals = { dtr, rts };
    if (before?.dtr !== dtr) await this.#line.write(telnetMessage(SET_CONTROL, [dtr ? DTR.on : DTR.off]));
    if (before?.rts !== rts) await this.#line.write(telnetMessage(SET_CONTROL, [rts ? RTS.on : RTS.off]));
  }

  close(): Promise<void> {
    return this.#line.close();
  }

  #take(bytes: Uint8Array): void {
    const { data, reply, messages, isRefused } = this.#decoder.push(bytes);
    if (reply.length > 0) this.#line.write(reply).catch(() => {});
    if (isRefused) this.#refuse("it does not serve serial lines");
    for (const [code] of messages) if (code === this.#waiting?.code) this.#waiting?.resolve();
    if (data.length > 0) this.#handler?.(data);
  }

  /** Sends a message and waits until it is acknowledged. */
  async #tell(code: number, value: readonly number[]): Promise<void> {
    const answered = new Promise<void>((resolve) => {
      this.#waiting = { code: code + ANSWER, resolve };
    });
    await this.#line.write(telnetMessage(code, value));
    const lost = this.lost.then((reason) => {
      throw new EdgelessError("EDGELESS_SERIAL_LOST", `${this.name} went away: ${reason}`);
    });
    const outcome = await Promise.race([withDeadline(this.#clock, LIMIT_MS, answered), lost]);
    if (outcome === LATE)
      throw new EdgelessError(
        "EDGELESS_SERIAL_PORT",
        `${this.name} does not answer as a server of serial lines (RFC 2217)`,
      );
  }
}

/**
 * Connects to a serial line that another computer serves.
 * @param baudRate bits per second
 * @throws EdgelessError EDGELESS_SERIAL_PORT, EDGELESS_SERIAL_LOST
 */
export async function openRfc2217Port(
  name: string,
  host: string,
  port: number,
  baudRate: number,
  clock: Clock,
): Promise<BytePort> {
  const line = new Rfc2217Port(await openTcpPort(name, host, port, clock), clock);
  try {
    await line.begin(baudRate);
    return line;
  } catch (error) {
    await line.close();
    throw error;
  }
}
