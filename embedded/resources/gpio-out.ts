import { BAD_RESOURCE_CONFIG, DeviceFault } from "../device-fault.js";
import type { Pins } from "../hardware.js";
import { type DeviceResourceProvider, requiredSetting, settingOf } from "../resource-provider.js";
import type { Claims } from "./claims.js";

/** Words for the two levels, and for the other one than now. */
const LOW = ["0", "off", "false", "low"];
const HIGH = ["1", "on", "true", "high"];
const TOGGLE = "toggle";

/**
 * Class `gpio-out`: sets a pin to the level in each cast or call: `1`, `on`, `true`, `high`, `0`, `off`, `false`, `low` or
 * `toggle`; a call, which may be empty, is answered with the level. Configuration: `pin`; `initial`: a level, default 0.
 * No outputs. The pin goes back to 0 at the end.
 */
export function gpioOutProvider(
  pins: Pick<Pins, "write">,
  claims: Claims,
  providerId: string,
): DeviceResourceProvider {
  return {
    providerId,
    classType: "gpio-out",
    outputs: [],
    start: (configuration) => {
      const pin = requiredSetting(configuration, "pin");
      let level = levelOf(settingOf(configuration, "initial") || "0", 0);
      const release = claims.claim(`pin ${pin}`, () => pins.write(pin, level));
      const set = (text: string) => {
        level = levelOf(text, level);
        pins.write(pin, level);
      };
      return {
        cast: set,
        call: (text) => {
          if (text !== "") set(text);
          return `${level}`;
        },
        stop: () => {
          pins.write(pin, 0);
          release();
        },
      };
    },
  };
}

function levelOf(text: string, before: number): number {
  if (LOW.indexOf(text) >= 0) return 0;
  if (HIGH.indexOf(text) >= 0) return 1;
  if (text === TOGGLE) return 1 - before;
  throw new DeviceFault(BAD_RESOURCE_CONFIG, `not a level: ${text.slice(0, 20)}`);
}
