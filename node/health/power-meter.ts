import { connect } from "node:net";
import type { Clock } from "../../core/clock.js";
import { EdgelessError } from "../../core/errors.js";
import { decodeReadRegisters, encodeReadRegisters } from "./modbus.js";

/** Register of the active power of outlet 1, a big-endian float of two registers; each outlet has a block of its own. */
const FIRST_REGISTER = 32786;
const REGISTERS_PER_OUTLET = 256;
const TRANSACTION = 1;
const LIMIT_MS = 400;

/**
 * Reads the power that an outlet of a metered power strip delivers.
 * @param endpoint `address:port` of its Modbus/TCP server
 * @param outlet from 1
 * @returns mW
 * @throws EdgelessError EDGELESS_UNREACHABLE, EDGELESS_TIMEOUT, EDGELESS_BAD_MESSAGE or EDGELESS_REJECTED
 */
export function readActivePower(endpoint: string, outlet: number, clock: Clock): Promise<number> {
  const colon = endpoint.lastIndexOf(":");
  const [host, port] = [endpoint.slice(0, colon).replace(/^\[|\]$/g, ""), Number(endpoint.slice(colon + 1))];
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const end = (finish: () => void) => {
      timer.cancel();
      socket.destroy();
      finish();
    };
    const timer = clock.setTimer(LIMIT_MS, () => {
      end(() =>
        reject(new EdgelessError("EDGELESS_TIMEOUT", `the power meter at ${endpoint} does not answer`)),
      );
    });
    const gone = () => {
      end(() => reject(new EdgelessError("EDGELESS_UNREACHABLE", `the power meter at ${endpoint} is gone`)));
    };
    let received: Uint8Array = new Uint8Array(0);
    socket.on("error", gone).on("close", gone);
    socket.on("connect", () => {
      const address = FIRST_REGISTER + REGISTERS_PER_OUTLET * (outlet - 1);
      socket.write(encodeReadRegisters(TRANSACTION, address, 2));
    });
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      try {
        const registers = decodeReadRegisters(received, TRANSACTION, 2);
        if (registers !== undefined) end(() => resolve(milliwatts(registers)));
      } catch (error) {
        end(() => reject(error));
      }
    });
  });
}

function milliwatts(registers: Uint8Array): number {
  const watts = new DataView(registers.buffer, registers.byteOffset, registers.byteLength).getFloat32(0);
  if (Number.isFinite(watts)) return Math.round(watts * 1000);
  throw new EdgelessError("EDGELESS_BAD_MESSAGE", "the power meter does not answer with a number");
}
