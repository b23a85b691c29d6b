import { EdgelessError } from "../../core/errors.js";

/*
 * The one exchange of Modbus/TCP that a power meter needs: "read holding registers" (Modbus application protocol 1.1b3
 * section 6.3, messaging on TCP/IP 1.0b section 3.1).
 */

const PROTOCOL = 0;
/** "The device itself", for a server that is not a gateway to a serial line. */
const UNIT = 0xff;
const READ_HOLDING_REGISTERS = 3;
const EXCEPTION = 0x80;
/** Transaction, protocol and length: what stands before the counted bytes. */
const PREFIX_BYTES = 6;
/** The longest message, by the specification. */
const LONGEST = 260;

/** Writes a request for `count` registers from `address` on. */
export function encodeReadRegisters(transaction: number, address: number, count: number): Uint8Array {
  const message = new DataView(new ArrayBuffer(12));
  [transaction, PROTOCOL, 6].forEach((word, index) => {
    message.setUint16(2 * index, word);
  });
  message.setUint8(6, UNIT);
  message.setUint8(7, READ_HOLDING_REGISTERS);
  message.setUint16(8, address);
  message.setUint16(10, count);
  return new Uint8Array(message.buffer);
}

/**
 * Reads the answer to {@link encodeReadRegisters}.
 * @param bytes what has arrived so far
 * @returns the bytes of the registers, or undefined when more has to come
 * @throws EdgelessError EDGELESS_BAD_MESSAGE, or EDGELESS_REJECTED with the exception code of the device
 */
export function decodeReadRegisters(
  bytes: Uint8Array,
  transaction: number,
  count: number,
): Uint8Array | undefined {
  const bad = (what: string) => new EdgelessError("EDGELESS_BAD_MESSAGE", `Modbus answer: ${what}`);
  if (bytes.length < PREFIX_BYTES) return undefined;
  const message = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (message.getUint16(0) !== transaction) throw bad("another transaction");
  if (message.getUint16(2) !== PROTOCOL) throw bad("not the Modbus protocol");
  const length = message.getUint16(4);
  if (length < 3 || PREFIX_BYTES + length > LONGEST) throw bad(`${length} bytes are announced`);
  if (bytes.length < PREFIX_BYTES + length) return undefined;
  const operation = message.getUint8(7);
  if (operation === (READ_HOLDING_REGISTERS | EXCEPTION)) {
    throw new EdgelessError(
      "EDGELESS_REJECTED",
      `the Modbus device answers with exception ${message.getUint8(8)}`,
    );
  }
  if (operation !== READ_HOLDING_REGISTERS) throw bad(`operation ${operation}`);
  if (message.getUint8(8) !== 2 * count || length !== 3 + 2 * count) throw bad("another number of registers");
  return bytes.subarray(9, 9 + 2 * count);
}
