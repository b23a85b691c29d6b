import { Lcg, num } from "edgeless";

/** Smallest f32 that is not subnormal; the logarithm of less than that is of no use. */
const LEAST: f32 = 1.17549435e-38;

/**
 * Times between events, in milliseconds: `c(PERIOD)` always the same, `u(MIN;MAX)` uniform, `e(MEAN)` exponential.
 */
export class Arrival {
  private kind: i32;
  private from: u64;
  private to: u64;

  constructor(kind: i32, from: u64, to: u64) {
    this.kind = kind;
    this.from = from;
    this.to = to;
  }

  /** Reads a specification; null when it is malformed. */
  static parse(text: string): Arrival | null {
    const pieces = text.trim().replaceAll(")", "(").split("(");
    const parts: string[] = [];
    for (let i = 0; i < pieces.length; i++) if (pieces[i].length) parts.push(pieces[i]);
    if (parts.length != 2 || parts[0].length != 1) return null;
    const kind = parts[0].charCodeAt(0) | 0x20;
    const bounds = parts[1].split(";");
    const from = num.parseU64(bounds[0]);
    if (!num.ok()) return null;
    if (kind != 0x75) return bounds.length == 1 && (kind == 0x63 || kind == 0x65) ? new Arrival(kind, from, 0) : null;
    if (bounds.length != 2) return null;
    const to = num.parseU64(bounds[1]);
    return num.ok() && from < to ? new Arrival(kind, from, to) : null;
  }

  /** Draws the time to the next event. */
  next(random: Lcg): u64 {
    if (this.kind == 0x63) return this.from;
    const drawn = random.next();
    if (this.kind == 0x75) return this.from + <u64>Mathf.round(<f32>(this.to - this.from) * drawn);
    return <u64>Mathf.round(-Mathf.log(drawn < LEAST ? LEAST : drawn) * <f32>this.from);
  }
}
