import { createHmac } from "node:crypto";
import { peerKey } from "./peer-table.js";

/** Long enough that nobody guesses it in the life of a gateway (RFC 9175 section 2.3). */
const PROOF_BYTES = 8;
const KEY_BYTES = 32;

/**
 * What hosts send back to prove that they receive what is sent to their address. It follows from the address and a key of this
 * process, so that a flood of forged addresses makes the gateway forget none.
 */
export function addressProofs(
  random: (target: Uint8Array) => Uint8Array,
): (address: string, port: number) => Uint8Array {
  const key = random(new Uint8Array(KEY_BYTES));
  return (address, port) =>
    createHmac("sha256", key).update(peerKey(address, port)).digest().subarray(0, PROOF_BYTES);
}
