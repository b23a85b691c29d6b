import type { I2cBus } from "../hardware.js";

/** I2C address of the sensor. */
export const SCD30_ADDRESS = 0x61;

/** Commands (Sensirion SCD30 interface description). */
export const START_CONTINUOUS = 0x0010;
export const DATA_READY = 0x0202;
export const READ_MEASUREMENT = 0x0300;
export const SET_INTERVAL = 0x4600;

/** Below what the sensor can measure. */
const COLDEST = -273;

/** One measurement. */
export interface Scd30Measurement {
  /** ppm */
  co2: number;
  /** Degrees Celsius. */
  temperature: number;
  /** Relative, percent. */
  humidity: number;
}

/** Starts continuous measuring without pressure compensation. @throws what the bus throws */
export function startScd30(bus: I2cBus, intervalSeconds: number): void {
  bus.write(SCD30_ADDRESS, commandWith(SET_INTERVAL, intervalSeconds));
  bus.write(SCD30_ADDRESS, commandWith(START_CONTINUOUS, 0));
}

/** The newest measurement; undefined when there is none yet, or it is damaged or not a number. @throws what the bus throws */
export function readScd30(bus: I2cBus): Scd30Measurement | undefined {
  const ready = words(ask(bus, DATA_READY, 3));
  if (ready === undefined || ready[1] !== 1) return undefined;
  const bytes = words(ask(bus, READ_MEASUREMENT, 18));
  if (bytes === undefined) return undefined;
  const view = new DataView(bytes.buffer);
  const co2 = view.getFloat32(0, false);
  const temperature = view.getFloat32(4, false);
  const humidity = view.getFloat32(8, false);
  // Also false for what is not a number.
  if (!(co2 >= 0 && humidity >= 0 && temperature >= COLDEST)) return undefined;
  return { co2, temperature, humidity };
}

/** The check byte that follows every two bytes of data: polynomial 0x31, start 0xff. */
export function scd30Check(high: number, low: number): number {
  let check = 0xff ^ high;
  for (let bit = 0; bit < 16; bit++) {
    if (bit === 8) check ^= low;
    check = check & 0x80 ? ((check << 1) ^ 0x31) & 0xff : (check << 1) & 0xff;
  }
  return check;
}

function commandWith(command: number, argument: number): Uint8Array {
  const high = argument >> 8;
  const low = argument & 0xff;
  return new Uint8Array([command >> 8, command & 0xff, high, low, scd30Check(high, low)]);
}

function ask(bus: I2cBus, command: number, count: number): Uint8Array {
  bus.write(SCD30_ADDRESS, new Uint8Array([command >> 8, command & 0xff]));
  return bus.read(SCD30_ADDRESS, count);
}

/** The data without its check bytes; undefined when one is wrong. */
function words(bytes: Uint8Array): Uint8Array | undefined {
  const data = new Uint8Array((bytes.length / 3) * 2);
  for (let i = 0, at = 0; i < bytes.length; i += 3) {
    const high = bytes[i] as number;
    const low = bytes[i + 1] as number;
    if (scd30Check(high, low) !== bytes[i + 2]) return undefined;
    data[at++] = high;
    data[at++] = low;
  }
  return data;
}
