import { BAD_RESOURCE_CONFIG, DeviceFault } from "../../embedded/device-fault.js";
import type { DeviceResourceProvider } from "../../embedded/resource-provider.js";
import { adcProvider } from "../../embedded/resources/adc.js";
import { boardClaims } from "./board-claims.js";
import { boardPin } from "./board-pin.js";
import type { DriverConfig } from "./driver-config.js";

/** Class `adc` on any pin with a converter. */
export function create(config: DriverConfig): DeviceResourceProvider {
  const analog = (pin: string) => {
    const value = analogRead(boardPin(pin));
    if (!(value >= 0)) throw new DeviceFault(BAD_RESOURCE_CONFIG, `pin ${pin} has no converter`);
    return value;
  };
  return adcProvider({ analog }, boardClaims, config.id);
}
