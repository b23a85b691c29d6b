/**
 * The pseudo-random generator of EDGELESS, bit for bit: equal seeds give equal sequences on every platform.
 * Not for secrets.
 */
export class Lcg {
  private state: u32;

  /** @param seed where the sequence begins; seeds that differ in the highest bit alone give the same */
  constructor(seed: u32) {
    this.state = seed;
  }

  /** Starts again from a seed. */
  seed(seed: u32): void {
    this.state = seed;
  }

  /** The next number, 0 or more and below 1. */
  next(): f32 {
    this.state = (1103515245 * this.state + 12345) & 0x7fffffff;
    return <f32>this.state / <f32>2147483648.0;
  }
}
