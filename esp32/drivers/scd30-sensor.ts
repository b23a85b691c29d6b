import type { DeviceResourceProvider } from "../../embedded/resource-provider.js";
import { scd30SensorProvider } from "../../embedded/resources/scd30-sensor.js";
import type { I2cConfig } from "./driver-config.js";
import { i2cBus } from "./i2c-bus.js";

/** Seconds between casts unless a workflow says otherwise. */
const DELAY = 10;

/** Class `scd30-sensor`: a Sensirion SCD30 on an I2C bus. */
export function create(config: I2cConfig): DeviceResourceProvider {
  return scd30SensorProvider(i2cBus(config), config.id, DELAY);
}
