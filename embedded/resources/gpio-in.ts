import type { Pins } from "../hardware.js";
import {
  type DeviceResourceProvider,
  numberSetting,
  requiredSetting,
  settingOf,
} from "../resource-provider.js";
import { type Claims, oneOf } from "./claims.js";

/**
 * Class `gpio-in`: casts `1` or `0` on `data_out` when a pin has changed, and answers a call with its level.
 * Configuration: `pin`; `edge`: both (default), rising or falling; `pull`: none (default), up or down; `debounce`:
 * milliseconds that a level must last, 0 to 1000, default 20.
 */
export function gpioInProvider(
  pins: Pick<Pins, "input" | "read" | "watch">,
  claims: Claims,
  providerId: string,
): DeviceResourceProvider {
  return {
    providerId,
    classType: "gpio-in",
    outputs: ["data_out"],
    start: (configuration, context) => {
      const pin = requiredSetting(configuration, "pin");
      const edge = oneOf("edge", settingOf(configuration, "edge") || "both", ["both", "rising", "falling"]);
      const pull = oneOf("pull", settingOf(configuration, "pull") || "none", ["none", "up", "down"]);
      const debounceMs = numberSetting(configuration, "debounce", 20, 0, 1000);
      const { timers } = context;
      const release = claims.claim(`pin ${pin}`, () => pins.input(pin, pull === "none" ? "" : pull));
      let stable = pins.read(pin);
      let timer = 0;
      const settle = () => {
        timer = 0;
        const level = pins.read(pin);
        if (level === stable) return;
        stable = level;
        if (edge === "both" || (edge === "rising") === (level === 1)) context.cast("data_out", `${level}`);
      };
      const end = pins.watch(pin, () => {
        if (timer !== 0) timers.clear(timer);
        timer = timers.set(debounceMs, settle);
      });
      return {
        cast: () => {},
        call: () => `${pins.read(pin)}`,
        stop: () => {
          end();
          if (timer !== 0) timers.clear(timer);
          release();
        },
      };
    },
  };
}
