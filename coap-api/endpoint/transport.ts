/** A UDP socket. */
export interface DatagramPort {
  send(datagram: Uint8Array, address: string, port: number): void;
  /** Sets who takes what arrives. */
  onDatagram(handler: (datagram: Uint8Array, address: string, port: number) => void): void;
}

/** Time, in the form that a board has it. */
export interface Timers {
  /** Milliseconds since an arbitrary start. */
  nowMs(): number;
  /** Runs `callback` once; returns a number, never 0, for {@link clear}. */
  set(delayMs: number, callback: () => void): number;
  clear(timer: number): void;
}
