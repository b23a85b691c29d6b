const INT32_MAX = 0x7fffffff;
const UINT32_MAX = 0xffffffff;

/** A measured value as int32: rounded, kept within the range; what is no number becomes -1, "not available". */
export function toInt32(value: number): number {
  return Number.isNaN(value) ? -1 : Math.max(-INT32_MAX - 1, Math.min(INT32_MAX, Math.round(value)));
}

/** A measured value as int64: rounded, kept within what a number holds exactly; no number becomes -1. */
export function toInt64(value: number): bigint {
  if (Number.isNaN(value)) return -1n;
  return BigInt(Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Math.round(value))));
}

/** A count or size as uint32: rounded, kept within the range; what is no number becomes 0. */
export function toUint32(value: number): number {
  return Number.isNaN(value) ? 0 : Math.max(0, Math.min(UINT32_MAX, Math.round(value)));
}

/** A 32-bit float that was read, as the shortest decimal number that stands for the same float: 0.1, not 0.10000000149. */
export function fromFloat32(value: number): number {
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
