import type { Random } from "../../core/random.js";

/** Randomness that repeats with its seed (xorshift32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0 || 1;
  return {
    fill(target: Uint8Array): Uint8Array {
      for (let i = 0; i < target.length; i++) {
        state ^= state << 13;
        state >>>= 0;
        state ^= state >>> 17;
        state ^= state << 5;
        state >>>= 0;
        target[i] = state & 0xff;
      }
      return target;
    },
  };
}
