import { EdgelessError } from "../../core/errors.js";
import type { BytePort, Signals } from "../../esp32/tools/byte-port.js";

/** What sits at the other end of a {@link MemoryPort}. */
export interface PortPeer {
  /** Takes what the host sends. */
  receive(bytes: Uint8Array): void;
  /** Takes the modem lines that the host sets. */
  signals?(signals: Signals): void;
}

/** A serial port without a cable: the other end is an object of the test. */
export class MemoryPort implements BytePort {
  readonly name = "memory";
  readonly hasSignals: boolean;
  readonly lost: Promise<string>;
  /** The speeds that were set. */
  readonly baudRates: number[] = [];
  peer: PortPeer | undefined;
  isOpen = true;
  #handler: ((bytes: Uint8Array) => void) | undefined;
  #lose: (reason: string) => void = () => {};

  constructor(hasSignals: boolean) {
    this.hasSignals = hasSignals;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
  }

  /** What the peer sends to the host. */
  send(bytes: Uint8Array): void {
    if (this.isOpen) setImmediate(() => this.#handler?.(bytes));
  }

  /** Pulls the cable. */
  pull(): void {
    this.isOpen = false;
    this.#lose("the cable was pulled");
  }

  onData(handler: ((bytes: Uint8Array) => void) | undefined): void {
    this.#handler = handler;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (!this.isOpen) throw new EdgelessError("EDGELESS_SERIAL_LOST", "the cable was pulled");
    this.peer?.receive(bytes);
  }

  async setBaudRate(baudRate: number): Promise<void> {
    this.baudRates.push(baudRate);
  }

  async setSignals(signals: Signals): Promise<void> {
    this.peer?.signals?.(signals);
  }

  async close(): Promise<void> {
    this.isOpen = false;
  }
}
