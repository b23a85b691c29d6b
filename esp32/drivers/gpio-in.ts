import type { DeviceResourceProvider } from "../../embedded/resource-provider.js";
import { gpioInProvider } from "../../embedded/resources/gpio-in.js";
import { boardClaims } from "./board-claims.js";
import { boardPin } from "./board-pin.js";
import type { DriverConfig } from "./driver-config.js";

/** Class `gpio-in` on any pin. */
export function create(config: DriverConfig): DeviceResourceProvider {
  return gpioInProvider(
    {
      input: (pin, pull) => pinMode(boardPin(pin), pull === "" ? "input" : `input_pull${pull}`),
      read: (pin) => digitalRead(boardPin(pin)),
      watch: (pin, changed) => {
        const options = { repeat: true, edge: "both" };
        const watch = setWatch((event) => changed(event.state ? 1 : 0), boardPin(pin), options);
        return () => clearWatch(watch);
      },
    },
    boardClaims,
    config.id,
  );
}
