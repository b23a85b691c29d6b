import { BAD_RESOURCE_CONFIG, DeviceFault } from "../../embedded/device-fault.js";
import type { I2cBus } from "../../embedded/hardware.js";
import { boardPin } from "./board-pin.js";
import type { I2cConfig } from "./driver-config.js";

/** Slow enough for the SCD30, which stretches the clock. */
const BITRATE = 50000;
/** A sensor gets so long between a command and the reading of its answer, seconds (SCD30: 3 ms). */
const ANSWER_SECONDS = 0.004;

/** Pins of the controllers that are set up, by their number. */
const used: string[] = [];

/**
 * The bus on a pair of pins; devices on the same pins share it.
 * @throws DeviceFault when the pins are wrong, or both controllers of the board have other pins
 */
export function i2cBus(config: I2cConfig): I2cBus {
  const { sda, scl, bitrate } = config;
  const pins = `${sda} ${scl}`;
  let at = used.indexOf(pins);
  if (at < 0) {
    at = used.length;
    if (at > 1) throw new DeviceFault(BAD_RESOURCE_CONFIG, "two I2C buses are set up already");
    const options = { sda: boardPin(sda), scl: boardPin(scl), bitrate: bitrate || BITRATE };
    (at === 0 ? I2C1 : I2C2).setup(options);
    used.push(pins);
  }
  const controller = at === 0 ? I2C1 : I2C2;
  let readyAt = 0;
  return {
    write: (address, bytes) => {
      controller.writeTo(address, bytes);
      readyAt = getTime() + ANSWER_SECONDS;
    },
    read: (address, count) => {
      while (getTime() < readyAt);
      return controller.readFrom(address, count);
    },
  };
}
