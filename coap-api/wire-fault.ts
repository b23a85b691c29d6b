/** Why bytes from the network were refused. */
export type WireFaultReason =
  | "truncated"
  | "trailing bytes"
  | "unexpected type"
  | "indefinite length"
  | "reserved head"
  | "too deep"
  | "number too large"
  | "not UTF-8"
  | "missing field"
  | "out of range"
  | "version"
  | "token length"
  | "option delta"
  | "option length"
  | "empty message with content"
  | "payload marker without payload";

/** Bytes from the network that the protocol does not allow. Not an Error: a board's interpreter cannot extend one. */
export class WireFault {
  readonly reason: WireFaultReason;
  /** Byte at which it was noticed. */
  readonly offset: number;

  constructor(reason: WireFaultReason, offset: number) {
    this.reason = reason;
    this.offset = offset;
  }

  /** The fault as a sentence. */
  toString(): string {
    return `malformed at byte ${this.offset}: ${this.reason}`;
  }
}
