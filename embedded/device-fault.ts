/** Numbers of `core/errors.ts` that a device uses; the catalogue itself stays off the board. */
export const INTERNAL = 1;
export const BAD_MESSAGE = 12;
export const UNKNOWN_CLASS = 45;
export const BAD_RESOURCE_CONFIG = 46;
export const UNKNOWN_INSTANCE = 47;
export const BAD_WASM = 50;
export const IMAGE_TOO_LARGE = 52;
export const TRAPPED = 53;
export const OUT_OF_TIME = 54;
export const OUT_OF_MEMORY = 55;
export const IMAGE_NOT_HELD = 70;
export const DEVICE_FULL = 71;
export const QUARANTINED = 72;
export const UPDATE_DAMAGED = 73;

/** Why the device cannot do something. Not an Error: a board's interpreter cannot extend one. */
export class DeviceFault {
  /** Number of `core/errors.ts`. */
  readonly error: number;
  readonly reason: string;

  constructor(error: number, reason: string) {
    this.error = error;
    this.reason = reason;
  }

  toString(): string {
    return this.reason;
  }
}

/** Longest reason that travels, characters. */
const LONGEST_REASON = 80;

/** Whatever was thrown, as a fault; `error` counts when it says no more. */
export function faultOf(thrown: unknown, error: number): DeviceFault {
  if (thrown instanceof DeviceFault) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new DeviceFault(error, text.slice(0, LONGEST_REASON));
}
