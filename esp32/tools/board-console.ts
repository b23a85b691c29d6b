import type { z } from "zod";
import type { Clock } from "../../core/clock.js";
import { EdgelessError } from "../../core/errors.js";
import { LATE, withDeadline } from "../../platform/deadline.js";
import { wait } from "../../platform/wait.js";
import type { BytePort } from "./byte-port.js";
import { ConsoleLines } from "./console-lines.js";
import {
  CONTROL,
  ConsoleDecoder,
  type ConsoleEvent,
  encodePacket,
  PACKET,
  type PacketType,
} from "./console-packet.js";

/** The interpreter behind a console. */
export interface Interpreter {
  /** As in `2v29` or `2v29.277`. */
  readonly version: string;
  /** Name of the board's firmware, as in `ESP32` or `ESP32C3`. */
  readonly board: string;
}

/** Oldest firmware that knows packets, and oldest that takes more than 64 bytes at once. */
const PACKETS_SINCE = 2025;
const BURSTS_SINCE = 2029;

/** How long an answer to an enquiry takes at most, and how long a board may take to start, milliseconds. */
const ENQUIRY_MS = 600;
const START_MS = 10_000;
/** How often firmware that does not know enquiries is asked. */
const OLD_TRIES = 3;
/** An interpreter on a desktop ends when it is interrupted twice within five seconds. */
const INTERRUPT_EVERY_MS = 6_000;
/** Longest time until a packet is answered, milliseconds; the board itself gives one up after five seconds. */
const ANSWER_MS = 8_000;
/** How long a board that asked to pause is obeyed at most, milliseconds. */
const PAUSE_MS = 1_000;
const PACKET_TRIES = 3;
const QUERY_TRIES = 3;
/** Erases the line that is being typed: what of a packet was taken for typing. */
const CLEAR_LINE = Uint8Array.from([0x1b, 0x5b, 0x32, 0x48]);
/** Bytes that are sent at once, and the pause after them, by firmware. */
const BURST = { bytes: 512, pauseMs: 0 };
const TRICKLE = { bytes: 48, pauseMs: 12 };
/** Payload of a packet with a part of a file, bytes: the smallest receive buffer there is has 1,024. */
const FILE_PART_BYTES = 512;

/** The console of a board with Espruino: its text, and its packets. */
export class BoardConsole {
  readonly #port: BytePort;
  readonly #clock: Clock;
  readonly #decoder = new ConsoleDecoder();
  readonly #lines = new ConsoleLines();
  readonly #lineHandlers = new Set<(line: string) => void>();
  #pace = TRICKLE;
  #waiter: ((event: ConsoleEvent) => void) | undefined;
  #recent = "";
  #paused: { readonly resumed: Promise<void>; resume(): void } | undefined;
  /** Characters that came, and those among them that no text has. */
  #characters = 0;
  #oddCharacters = 0;
  /** Looks at all text while an answer is waited for. */
  #onText: (() => void) | undefined;

  constructor(port: BytePort, clock: Clock) {
    this.#port = port;
    this.#clock = clock;
    port.onData((bytes) => {
      for (const event of this.#decoder.push(bytes)) this.#take(event);
    });
  }

  /** Has `handler` called with every line of text; returns what ends that. */
  onLine(handler: (line: string) => void): () => void {
    this.#lineHandlers.add(handler);
    return () => this.#lineHandlers.delete(handler);
  }

  /** Text that came and is no whole line yet, for example a prompt. */
  get partialLine(): string {
    return this.#lines.partial;
  }

  /** Sends what a person typed. */
  async type(text: string): Promise<void> {
    await this.#send(Buffer.from(text, "utf8"));
  }

  /**
   * Finds the interpreter.
   * @param mayInterrupt whether a program that keeps it busy is interrupted, which the program may not survive
   * @param withinMs how long the board may take to start
   * @throws EdgelessError EDGELESS_SERIAL_CONSOLE when nothing answers or the firmware is too old, EDGELESS_SERIAL_LOST
   */
  async attach(mayInterrupt = true, withinMs = START_MS): Promise<Interpreter> {
    const startMs = this.#clock.monotonicMs();
    let interruptedMs = Number.NEGATIVE_INFINITY;
    for (let tries = 0; ; tries++) {
      const nowMs = this.#clock.monotonicMs();
      if (tries > 0 && nowMs - startMs > withinMs) break;
      if (mayInterrupt && tries > 0 && nowMs - interruptedMs > INTERRUPT_EVERY_MS) {
        interruptedMs = nowMs;
        await this.#send(Uint8Array.of(CONTROL.interrupt));
        await wait(this.#clock, 100);
      }
      if (mayInterrupt && tries > 0) await this.#send(CLEAR_LINE);
      const answer = await this.#ask(Uint8Array.of(CONTROL.enquiry), /Espruino (\d+v\S+) (\w+)/);
      if (answer !== undefined) return this.#accept(answer[1] ?? "", answer[2] ?? "");
    }
    // Firmware before 2v25 does not know the enquiry.
    for (let tries = 0; tries < OLD_TRIES; tries++) {
      const old = await this.#ask(
        Buffer.from('\x10print("ver"+"sion",process.version)\n'),
        /version (\d+v\w+)/,
      );
      if (old !== undefined) return this.#accept(old[1] ?? "", "");
    }
    throw new EdgelessError(
      "EDGELESS_SERIAL_CONSOLE",
      `no Espruino answers at ${this.#port.name}${this.#whatCame()}${heard(this.#recent)}`,
    );
  }

  /**
   * Evaluates an expression whose value is JSON.
   * @param withinMs how long that may take
   * @throws EdgelessError EDGELESS_SERIAL_CONSOLE with what the board said, EDGELESS_SERIAL_LOST
   */
  async evaluate(expression: string, withinMs = ANSWER_MS): Promise<unknown> {
    // The board gives the text of a literal that evaluates to the value: here a string with JSON in it.
    const literal = await this.#exchange(PACKET.evaluate, bytesOf(`JSON.stringify(${expression})`), withinMs);
    const text = Buffer.from(literal).toString("latin1");
    if (text === "undefined") return undefined;
    try {
      return JSON.parse(String(JSON.parse(text)));
    } catch (error) {
      throw new EdgelessError(
        "EDGELESS_SERIAL_CONSOLE",
        `the board at ${this.#port.name} answered ${text.length} characters that are no JSON`,
        error,
      );
    }
  }

  /**
   * Asks for a value; what is asked may be done again without harm, and is when the answer is damaged or does not come.
   * @throws EdgelessError EDGELESS_SERIAL_CONSOLE, EDGELESS_SERIAL_LOST
   */
  async query<T>(wanted: z.ZodType<T>, expression: string): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        const parsed = wanted.safeParse((await this.evaluate(expression)) ?? null);
        if (parsed.success) return parsed.data;
        throw new EdgelessError(
          "EDGELESS_SERIAL_CONSOLE",
          `the board at ${this.#port.name} answered something else than it was asked for`,
          parsed.error,
        );
      } catch (error) {
        const isLost = error instanceof EdgelessError && error.code === "EDGELESS_SERIAL_LOST";
        if (isLost || tries === QUERY_TRIES) throw error;
        // What still comes belongs to the former question.
        await this.#untilLost(wait(this.#clock, ENQUIRY_MS));
        await this.#send(CLEAR_LINE);
      }
    }
  }

  /**
   * Writes a file into the board's storage, as a whole; that it arrived is for the caller to check.
   * @throws EdgelessError EDGELESS_SERIAL_CONSOLE, EDGELESS_SERIAL_LOST
   */
  async sendFile(name: string, content: Uint8Array, onProgress: (sent: number) => void): Promise<void> {
    const announcement = JSON.stringify({ fn: name, s: content.length });
    await this.#exchange(PACKET.fileSend, bytesOf(announcement));
    for (let at = 0; at < content.length; at += FILE_PART_BYTES) {
      const part = content.subarray(at, at + FILE_PART_BYTES);
      await this.#exchange(PACKET.data, part);
      onProgress(at + part.length);
    }
  }

  /** What a person may conclude from what came instead of an answer. */
  #whatCame(): string {
    if (this.#characters === 0) return ": nothing came from it";
    const isText = this.#oddCharacters < this.#characters / 10;
    return isText
      ? ": another program runs there"
      : ": what comes is no text, maybe the speed is wrong (--baud)";
  }

  #accept(version: string, board: string): Interpreter {
    const number = versionNumber(version);
    if (number < PACKETS_SINCE)
      throw new EdgelessError(
        "EDGELESS_SERIAL_CONSOLE",
        `the board at ${this.#port.name} runs Espruino ${version}; 2v25 or later is needed: flash it again`,
      );
    this.#pace = number < BURSTS_SINCE ? TRICKLE : BURST;
    return { version, board };
  }

  /** Sends a packet until it is acknowledged; gives the response where one is wanted. */
  async #exchange(type: PacketType, payload: Uint8Array, withinMs = ANSWER_MS): Promise<Uint8Array> {
    const packet = encodePacket(type, payload);
    for (let tries = 1; ; tries++) {
      this.#recent = "";
      const outcome = await this.#attempt(
        packet,
        // What was refused may have come too fast.
        tries === 1 ? this.#pace : TRICKLE,
        type === PACKET.evaluate,
        withinMs,
      );
      if (outcome instanceof Uint8Array) return outcome;
      await this.#send(CLEAR_LINE);
      // A part of a file that was taken, with its acknowledgement lost, must not be taken twice.
      if (outcome === "late" || tries === PACKET_TRIES) {
        await wait(this.#clock, ENQUIRY_MS);
        const why = outcome === "late" ? "does not answer" : "refuses a packet";
        throw new EdgelessError(
          "EDGELESS_SERIAL_CONSOLE",
          `the board at ${this.#port.name} ${why}${heard(this.#recent)}`,
        );
      }
    }
  }

  async #attempt(
    packet: Uint8Array,
    pace: typeof BURST,
    wantsResponse: boolean,
    withinMs: number,
  ): Promise<Uint8Array | "refused" | "late"> {
    const answer = new Promise<Uint8Array | "refused">((resolve) => {
      let acknowledged = false;
      this.#waiter = (event) => {
        if (event.kind === "refuse") resolve("refused");
        else if (event.kind === "acknowledge") {
          acknowledged = true;
          if (!wantsResponse) resolve(new Uint8Array(0));
        } else if (event.kind === "packet" && acknowledged && event.type === PACKET.response)
          resolve(event.payload);
      };
    });
    try {
      await this.#send(packet, pace);
      const outcome = await this.#untilLost(withDeadline(this.#clock, withinMs, answer));
      if (outcome !== LATE) return outcome;
      this.#decoder.reset();
      return "late";
    } finally {
      this.#waiter = undefined;
    }
  }

  /** Sends bytes and waits for text, however much else is printed. */
  async #ask(bytes: Uint8Array, wanted: RegExp): Promise<RegExpExecArray | undefined> {
    this.#recent = "";
    // Noise may have looked like the beginning of a packet.
    this.#decoder.reset();
    const answer = new Promise<RegExpExecArray>((resolve) => {
      this.#onText = () => {
        const match = wanted.exec(this.#recent);
        // The answer is complete when its line is.
        if (match !== null && this.#recent.indexOf("\n", match.index) >= 0) resolve(match);
      };
    });
    try {
      await this.#send(bytes);
      const outcome = await this.#untilLost(withDeadline(this.#clock, ENQUIRY_MS, answer));
      return outcome === LATE ? undefined : outcome;
    } finally {
      this.#onText = undefined;
    }
  }

  async #send(bytes: Uint8Array, { bytes: size, pauseMs } = this.#pace): Promise<void> {
    for (let at = 0; at < bytes.length; at += size) {
      if (at > 0 && pauseMs > 0) await wait(this.#clock, pauseMs);
      if (this.#paused !== undefined) {
        await withDeadline(this.#clock, PAUSE_MS, this.#paused.resumed);
        this.#paused = undefined;
      }
      await this.#port.write(bytes.subarray(at, at + size));
    }
  }

  #take(event: ConsoleEvent): void {
    if (event.kind === "pause") {
      let resume = () => {};
      const resumed = new Promise<void>((resolve) => {
        resume = resolve;
      });
      this.#paused ??= { resumed, resume: () => resume() };
    } else if (event.kind === "resume") {
      this.#paused?.resume();
      this.#paused = undefined;
    } else if (event.kind === "text") {
      this.#characters += event.text.length;
      this.#oddCharacters += event.text.match(/[^\s -~]/g)?.length ?? 0;
      this.#recent += event.text;
      this.#onText?.();
      this.#recent = this.#recent.slice(-2_000);
      for (const line of this.#lines.push(event.text))
        for (const handler of this.#lineHandlers) handler(line);
    } else this.#waiter?.(event);
  }

  async #untilLost<T>(work: Promise<T>): Promise<T> {
    const lost = this.#port.lost.then((reason) => {
      throw new EdgelessError("EDGELESS_SERIAL_LOST", `${this.#port.name} went away: ${reason}`);
    });
    return await Promise.race([work, lost]);
  }
}

/** 2v29.277 is 2029. */
export function versionNumber(version: string): number {
  const match = /^(\d+)v(\d+)/.exec(version);
  return match === null ? 0 : Number(match[1]) * 1000 + Number(match[2]);
}

/** Text for a packet; no length may look like an interrupt, which boards notice at once. */
function bytesOf(text: string): Uint8Array {
  let bytes = Buffer.from(text, "utf8");
  while ((bytes.length & 0xff) === CONTROL.interrupt || bytes.length >> 8 === CONTROL.interrupt)
    bytes = Buffer.concat([bytes, Buffer.from(" ")]);
  return bytes;
}

/**
 * What went wrong on a board, as far as it said so. Only the beginnings of lines that report an error: anything else might be an echo of
 * settings, with passwords in it.
 */
function heard(text: string): string {
  const lines = new ConsoleLines().push(`${text}\n`);
  const reports = lines.filter((line) =>
    /^(Uncaught|ERROR|New interpreter error|rst:|Guru|abort)/.test(line),
  );
  const last = reports.at(-1);
  return last === undefined ? "" : `; it said: ${last.slice(0, 100)}`;
}
