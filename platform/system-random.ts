import { randomFillSync } from "node:crypto";
import type { Random } from "../core/random.js";

/** The host's cryptographic randomness. */
export const systemRandom: Random = { fill: (target) => randomFillSync(target) };

/** Draws an unsigned 64-bit number, for nonces. */
export function randomUint64(random: Random): bigint {
  let value = 0n;
  for (const byte of random.fill(new Uint8Array(8))) value = (value << 8n) | BigInt(byte);
  return value;
}
