import { SerialPort } from "serialport";
import { EdgelessError, reasonOf } from "../../core/errors.js";
import { listLinuxPorts } from "./linux-ports.js";

/** A serial port of this machine. */
export interface ListedPort {
  readonly path: string;
  /** What the USB ids tell of the board. */
  readonly board: string;
  /** Vendor and product id, as in `10c4:ea60`; empty when it is no USB port. */
  readonly usb: string;
  readonly serialNumber: string;
  /** True when boards with an ESP32 have such a chip. */
  readonly likely: boolean;
}

/** USB chips on boards with an ESP32, by vendor and product id; a product of "" stands for all others of the vendor. */
const USB_CHIPS: Readonly<Record<string, string>> = {
  "303a:1001": "ESP32 with its own USB (C3, S3, C6)",
  "303a:": "ESP32 with its own USB",
  "10c4:ea60": "ESP32 board with CP210x",
  "10c4:ea70": "ESP32 board with CP2105",
  "1a86:7523": "ESP32 board with CH340",
  "1a86:55d4": "ESP32 board with CH9102",
  "1a86:55d3": "ESP32 board with CH343",
  "0403:6001": "ESP32 board with FT232",
  "0403:6010": "ESP32 board with FT2232",
  "0403:6015": "ESP32 board with FT231X",
};

/** What the USB ids say: the kind of board, or undefined. */
export function boardOfUsb(vendorId: string, productId: string): string | undefined {
  const vendor = vendorId.toLowerCase();
  return USB_CHIPS[`${vendor}:${productId.toLowerCase()}`] ?? USB_CHIPS[`${vendor}:`];
}

/**
 * The serial ports of this machine, likely boards first.
 * @throws EdgelessError EDGELESS_SERIAL_PORT when the system cannot list them
 */
export async function listPorts(): Promise<readonly ListedPort[]> {
  const found = await SerialPort.list().catch((error: unknown) => {
    // Without udev, as in a container, Linux itself still knows.
    if (process.platform === "linux") return listLinuxPorts();
    throw new EdgelessError(
      "EDGELESS_SERIAL_PORT",
      `this system cannot list its serial ports (${reasonOf(error)}); name one with --port`,
      error,
    );
  });
  return found
    .map(({ path, vendorId = "", productId = "", serialNumber = "", manufacturer = "" }) => {
      const board = boardOfUsb(vendorId, productId);
      return {
        path,
        board: board ?? (manufacturer === "" ? "unknown" : manufacturer),
        usb: vendorId === "" ? "" : `${vendorId}:${productId}`.toLowerCase(),
        serialNumber,
        likely: board !== undefined,
      };
    })
    .sort((a, b) => Number(b.likely) - Number(a.likely) || a.path.localeCompare(b.path));
}
