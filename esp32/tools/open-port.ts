import type { Clock } from "../../core/clock.js";
import { EdgelessError } from "../../core/errors.js";
import type { BytePort } from "./byte-port.js";

/** Speed of the console of a board, and of its ROM loader at the start, bits per second. */
export const CONSOLE_BAUD = 115_200;

/** How the address of a serial line behind a network begins; other tools say "socket" for "tcp". */
const NETWORK_PORT = /^(tcp|socket|rfc2217):/;

/**
 * Opens what the user named: the path of a serial port, `tcp://HOST:PORT`, or `rfc2217://HOST:PORT` for a line with its modem lines.
 * @param baudRate bits per second; a plain TCP bridge has its own
 * @throws EdgelessError EDGELESS_SERIAL_PORT, EDGELESS_USAGE
 */
export async function openPort(name: string, baudRate: number, clock: Clock): Promise<BytePort> {
  if (name === "" || (/^[a-z0-9]+:\/\//i.test(name) && !NETWORK_PORT.test(name))) throw notAPort(name);
  if (!NETWORK_PORT.test(name)) {
    const { openSerialPort } = await import("./serial-port.js");
    return openSerialPort(name, baudRate, clock);
  }
  const url = URL.canParse(name) ? new URL(name) : undefined;
  if (url === undefined || url.hostname === "" || !(Number(url.port) > 0)) throw notAPort(name);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (url.protocol === "rfc2217:") {
    const { openRfc2217Port } = await import("./rfc2217-port.js");
    return openRfc2217Port(name, host, Number(url.port), baudRate, clock);
  }
  const { openTcpPort } = await import("./tcp-port.js");
  return openTcpPort(name, host, Number(url.port), clock);
}

function notAPort(name: string): EdgelessError {
  return new EdgelessError(
    "EDGELESS_USAGE",
    `--port takes a serial port, such as /dev/ttyUSB0 or COM3, tcp://HOST:PORT or rfc2217://HOST:PORT, not "${name}"`,
  );
}
