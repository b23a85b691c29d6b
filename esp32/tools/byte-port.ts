/** USB ids of the chip behind a serial port. */
export interface UsbIds {
  readonly vendorId: number;
  readonly productId: number;
}

/** Modem lines; on a board they pull reset (RTS) and boot mode (DTR). */
export interface Signals {
  readonly dtr: boolean;
  readonly rts: boolean;
}

/** A stream of bytes to and from a board: a serial port, a pseudo terminal, a TCP bridge or a test. */
export interface BytePort {
  /** As the user named it. */
  readonly name: string;
  readonly usb?: UsbIds;
  /** False where there are no modem lines, so that a person has to press the buttons. */
  readonly hasSignals: boolean;
  /** Fulfilled with the reason when the port goes away by itself; never rejected. */
  readonly lost: Promise<string>;
  /** Sets who takes what arrives; undefined lets it be dropped. */
  onData(handler: ((bytes: Uint8Array) => void) | undefined): void;
  /**
   * Sends bytes; fulfilled when they are on their way.
   * @throws EdgelessError EDGELESS_SERIAL_LOST
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Changes the speed, bits per second; without effect where there is none. */
  setBaudRate(baudRate: number): Promise<void>;
  /** Sets the modem lines; without effect where there are none. */
  setSignals(signals: Signals): Promise<void>;
  /** Harmless when it is already closed. */
  close(): Promise<void>;
}
