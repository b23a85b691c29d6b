import { SerialPort } from "serialport";
import type { Clock } from "../../core/clock.js";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { LATE, withDeadline } from "../../platform/deadline.js";
import type { BytePort, Signals, UsbIds } from "./byte-port.js";
import { listPorts } from "./port-list.js";

/** Longest time that a port takes to open, or to take what is written, milliseconds. */
const LIMIT_MS = 10_000;

/** What helps on Linux, where ports belong to a group. */
const PERMISSION_ADVICE =
  process.platform === "linux" ? "; once: sudo usermod -aG dialout $USER, then log in again" : "";

/** A port of the operating system. */
class SystemPort implements BytePort {
  readonly name: string;
  readonly usb?: UsbIds;
  readonly hasSignals: boolean;
  readonly lost: Promise<string>;
  readonly #port: SerialPort;
  readonly #clock: Clock;
  #handler: ((bytes: Uint8Array) => void) | undefined;

  constructor(port: SerialPort, hasSignals: boolean, usb: UsbIds | undefined, clock: Clock) {
    this.name = port.path;
    if (usb !== undefined) this.usb = usb;
    this.hasSignals = hasSignals;
    this.#port = port;
    this.#clock = clock;
    port.on("data", (bytes: Buffer) => this.#handler?.(bytes));
    this.lost = new Promise((resolve) => {
      port.on("error", (error: Error) => resolve(error.message));
      port.on("close", (error: Error | null) => {
        if (error !== null && error !== undefined) resolve(error.message);
      });
    });
  }

  onData(handler: ((bytes: Uint8Array) => void) | undefined): void {
    this.#handler = handler;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const written = attempt((done) => {
      this.#port.write(bytes, (error) => {
        if (error !== null && error !== undefined) done(error);
        else this.#port.drain(done);
      });
    });
    try {
      if ((await withDeadline(this.#clock, LIMIT_MS, written)) !== LATE) return;
    } catch (error) {
      throw new EdgelessError("EDGELESS_SERIAL_LOST", `${this.name} went away: ${reasonOf(error)}`, error);
    }
    throw new EdgelessError("EDGELESS_SERIAL_LOST", `${this.name} takes no more bytes`);
  }

  setBaudRate(baudRate: number): Promise<void> {
    return attempt((done) => this.#port.update({ baudRate }, done));
  }

  async setSignals(signals: Signals): Promise<void> {
    if (this.hasSignals) await attempt((done) => this.#port.set({ ...signals }, done));
  }

  async close(): Promise<void> {
    if (this.#port.isOpen) await attempt((done) => this.#port.close(done)).catch(() => {});
  }
}

/**
 * Opens a serial port of the operating system, for this process alone.
 * @param path for example /dev/ttyUSB0 or COM3
 * @param baudRate bits per second
 * @throws EdgelessError EDGELESS_SERIAL_PORT
 */
export async function openSerialPort(path: string, baudRate: number, clock: Clock): Promise<BytePort> {
  // Without hupcl a board is not reset when the port is closed.
  const port = new SerialPort({ path, baudRate, autoOpen: false, hupcl: false });
  try {
    const opened = attempt((done) => port.open(done));
    if ((await withDeadline(clock, LIMIT_MS, opened)) === LATE) throw new Error("it does not open in time");
  } catch (error) {
    throw new EdgelessError("EDGELESS_SERIAL_PORT", `cannot open ${path}: ${plain(reasonOf(error))}`, error);
  }
  const hasSignals = await attempt((done) => port.get((error) => done(error))).then(
    () => true,
    () => false,
  );
  return new SystemPort(port, hasSignals, await usbIds(path), clock);
}

async function usbIds(path: string): Promise<UsbIds | undefined> {
  const ports = await listPorts().catch(() => []);
  const [vendor = "", product = ""] = ports.find((port) => port.path === path)?.usb.split(":") ?? [];
  if (vendor === "" || product === "") return undefined;
  return { vendorId: Number.parseInt(vendor, 16), productId: Number.parseInt(product, 16) };
}

function attempt(start: (done: (error: Error | null | undefined) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}

function plain(reason: string): string {
  if (/ENOENT|no such file|cannot find/i.test(reason)) return "there is no such port";
  if (/EACCES|permission|access denied/i.test(reason)) return `permission denied${PERMISSION_ADVICE}`;
  if (/lock|busy/i.test(reason)) return "another program uses it";
  if (/ENOTTY|inappropriate ioctl|is a directory/i.test(reason)) return "it is no serial port";
  return reason.replace(/^Error:? /, "");
}
