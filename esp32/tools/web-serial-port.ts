import type { BytePort } from "./byte-port.js";

/** Bytes that may wait for the loader before further ones are dropped: far more than a board ever sends unasked. */
const MOST_WAITING = 1024 * 1024;

/**
 * A byte port in the shape of the Web Serial API, as far as the ROM loader's library uses it. Opening and closing it only
 * begins and ends the streams; the port below stays open until its owner closes it.
 */
export class WebSerialPort {
  readable: ReadableStream<Uint8Array> | null = null;
  writable: WritableStream<Uint8Array> | null = null;
  readonly #port: BytePort;
  #dtr = false;
  #rts = false;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(port: BytePort) {
    this.#port = port;
    // The library polls for answers until its own deadline; a broken SLIP escape ends that at once.
    void port.lost.then(() => this.#controller?.enqueue(Uint8Array.of(0xdb, 0)));
  }

  async open(options: { readonly baudRate: number }): Promise<void> {
    await this.#port.setBaudRate(options.baudRate);
    this.readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
          this.#port.onData((bytes) => {
            if ((controller.desiredSize ?? 0) > 0) controller.enqueue(bytes);
          });
        },
        cancel: () => this.#detach(),
      },
      { highWaterMark: MOST_WAITING, size: (bytes) => bytes?.length ?? 0 },
    );
    this.writable = new WritableStream<Uint8Array>({ write: (bytes) => this.#port.write(bytes) });
  }

  async close(): Promise<void> {
    const controller = this.#controller;
    this.#detach();
    try {
      controller?.close();
    } catch {
      // The reader cancelled the stream, which closed it.
    }
    this.readable = null;
    this.writable = null;
  }

  async setSignals(signals: { dataTerminalReady?: boolean; requestToSend?: boolean }): Promise<void> {
    const { dataTerminalReady, requestToSend } = signals;
    if (dataTerminalReady !== undefined) this.#dtr = dataTerminalReady;
    if (requestToSend !== undefined) this.#rts = requestToSend;
    await this.#port.setSignals({ dtr: this.#dtr, rts: this.#rts });
  }

  async setBaudRate(baudRate: number): Promise<void> {
    await this.#port.setBaudRate(baudRate);
  }

  getInfo(): { usbVendorId?: number; usbProductId?: number } {
    const { usb } = this.#port;
    return usb === undefined ? {} : { usbVendorId: usb.vendorId, usbProductId: usb.productId };
  }

  #detach(): void {
    this.#port.onData(undefined);
    this.#controller = undefined;
  }
}
