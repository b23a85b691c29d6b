/** Source of randomness; injected so that a test can repeat a run. */
export interface Random {
  /** Fills `target` with random bytes and returns it. */
  fill(target: Uint8Array): Uint8Array;
}

/** A uniformly distributed number in [0, 1), from 32 random bits. */
export function uniform(random: Random): number {
  const bytes = random.fill(new Uint8Array(4));
  const value =
    (bytes[0] as number) * 0x1000000 +
    (((bytes[1] as number) << 16) | ((bytes[2] as number) << 8) | (bytes[3] as number));
  return value / 0x100000000;
}
