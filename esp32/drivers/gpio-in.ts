import type { DeviceResourceProvider } from "../../embedded/resource-provider.js";
import { gpioInProvider } from "../../embedded/resources/gpio-in.js";
import { boardClaims } from "./board-claims.js";
import { boardPin, setInput, wireLevel } from "./board-pin.js";
import type { DriverConfig } from "./driver-config.js";

/** Class `gpio-in` on any pin. */
export function create(config: DriverConfig): DeviceResourceProvider {
  const pulls: Record<string, string> = {};
  return gpioInProvider(
    {
      input: (pin, pull) => {
        pulls[pin] = pull;
        setInput(pin, pull);
      },
      read: (pin) => wireLevel(pin, digitalRead(boardPin(pin))),
      watch: (pin, changed) => {
        const options = { repeat: true, edge: "both" };
        const handler = (event: { state: boolean }) => changed(wireLevel(pin, event.state ? 1 : 0));
        const watch = setWatch(handler, boardPin(pin), options);
        // On an ESP32 a watch pulls its pin up, whatever was set.
        setInput(pin, pulls[pin] as string);
        return () => clearWatch(watch);
      },
    },
    boardClaims,
    config.id,
  );
}
