import type { DeviceResourceProvider } from "../../embedded/resource-provider.js";
import { pwmOutProvider } from "../../embedded/resources/pwm-out.js";
import { boardClaims } from "./board-claims.js";
import { boardPin, wireLevel } from "./board-pin.js";
import type { DriverConfig } from "./driver-config.js";

/** Class `pwm-out` on any pin that can be written. */
export function create(config: DriverConfig): DeviceResourceProvider {
  return pwmOutProvider(
    {
      pulse: (pin, part, freq) => analogWrite(boardPin(pin), wireLevel(pin, part), { freq }),
      write: (pin, level) => digitalWrite(boardPin(pin), wireLevel(pin, level)),
    },
    boardClaims,
    config.id,
  );
}
