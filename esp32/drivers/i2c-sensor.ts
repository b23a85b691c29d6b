import type { DeviceResourceProvider } from "../../embedded/resource-provider.js";
import { i2cSensorProvider } from "../../embedded/resources/i2c-sensor.js";
import type { I2cConfig } from "./driver-config.js";
import { i2cBus } from "./i2c-bus.js";

/** Class `i2c-sensor`: any device on an I2C bus; what is read of it is said when the resource starts. */
export function create(config: I2cConfig): DeviceResourceProvider {
  return i2cSensorProvider(i2cBus(config), config.id);
}
