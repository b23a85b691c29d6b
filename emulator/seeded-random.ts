import type { Random } from "../core/random.js";

/** Randomness that repeats with its seed (mulberry32); never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    fill(target) {
      for (let i = 0; i < target.length; i++) target[i] = next() >>> 24;
      return target;
    },
  };
}
