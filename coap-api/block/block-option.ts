/** Smallest and largest block size exponents: 16 and 1024 bytes (RFC 7959 section 2.2). */
export const SMALLEST_EXPONENT = 0;
export const LARGEST_EXPONENT = 6;

/** Number of a block. */
export function blockNumber(value: number): number {
  return value >>> 4;
}

/** True when more blocks follow. */
export function blockMore(value: number): boolean {
  return (value & 8) !== 0;
}

/** Size exponent of a block; 7 is reserved and must be refused. */
export function blockExponent(value: number): number {
  return value & 7;
}

/** Bytes of a block with this exponent. */
export function blockBytes(exponent: number): number {
  return 16 << exponent;
}

/** The option value of a block. */
export function blockValue(number: number, more: boolean, exponent: number): number {
  return (number << 4) | (more ? 8 : 0) | exponent;
}
