import { connect, type Socket } from "node:net";
import type { Clock } from "../../core/clock.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { LATE, withDeadline } from "../../platform/deadline.js";
import type { BytePort } from "./byte-port.js";
import { plainNetworkReason } from "./network-reason.js";

/** Longest time until a bridge answers, or takes what is written, milliseconds. */
const LIMIT_MS = 10_000;

/** A serial line behind a plain TCP bridge, or an emulated board. */
class TcpPort implements BytePort {
  readonly name: string;
  readonly hasSignals = false;
  readonly lost: Promise<string>;
  readonly #socket: Socket;
  readonly #clock: Clock;
  #handler: ((bytes: Uint8Array) => void) | undefined;
  #closed = false;

  constructor(name: string, socket: Socket, clock: Clock) {
    this.name = name;
    this.#socket = socket;
    this.#clock = clock;
    socket.on("data", (bytes: Buffer) => this.#handler?.(bytes));
    this.lost = new Promise((resolve) => {
      socket.on("error", (error) => resolve(error.message));
      socket.on("close", () => {
        if (!this.#closed) resolve("the other side closed the connection");
      });
    });
  }

  onData(handler: ((bytes: Uint8Array) => void) | undefined): void {
    this.#handler = handler;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const written = new Promise<void>((resolve, reject) => {
      this.#socket.write(bytes, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(error);
      });
    });
    try {
      if ((await withDeadline(this.#clock, LIMIT_MS, written)) !== LATE) return;
    } catch (error) {
      throw new EdgelessError("EDGELESS_SERIAL_LOST", `${this.name} went away: ${reasonOf(error)}`, error);
    }
    throw new EdgelessError("EDGELESS_SERIAL_LOST", `${this.name} takes no more bytes`);
  }

  async setBaudRate(): Promise<void> {}

  async setSignals(): Promise<void> {}

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#socket.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#socket.once("close", () => resolve());
      this.#socket.destroy();
    });
  }
}

/**
 * Connects to a serial line behind TCP.
 * @throws EdgelessError EDGELESS_SERIAL_PORT
 */
export async function openTcpPort(name: string, host: string, port: number, clock: Clock): Promise<BytePort> {
  const socket = connect({ host, port, noDelay: true });
  const connected = new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  try {
    if ((await withDeadline(clock, LIMIT_MS, connected)) === LATE) throw new Error("no answer");
  } catch (error) {
    socket.destroy();
    throw new EdgelessError(
      "EDGELESS_SERIAL_PORT",
      `cannot open ${name}: ${plainNetworkReason(reasonOf(error))}`,
      error,
    );
  }
  return new TcpPort(name, socket, clock);
}
