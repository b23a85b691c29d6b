import type { DeviceResourceProvider } from "../../embedded/resource-provider.js";
import { gpioOutProvider } from "../../embedded/resources/gpio-out.js";
import { boardClaims } from "./board-claims.js";
import { boardPin, wireLevel } from "./board-pin.js";
import type { DriverConfig } from "./driver-config.js";

/** Class `gpio-out` on any pin that can be written. */
export function create(config: DriverConfig): DeviceResourceProvider {
  const write = (pin: string, level: number) => digitalWrite(boardPin(pin), wireLevel(pin, level));
  return gpioOutProvider({ write }, boardClaims, config.id);
}
