import { BAD_RESOURCE_CONFIG, DeviceFault } from "../device-fault.js";
import type { Pins } from "../hardware.js";
import {
  type DeviceResourceProvider,
  numberSetting,
  requiredSetting,
  settingOf,
} from "../resource-provider.js";
import type { Claims } from "./claims.js";

/**
 * Class `pwm-out`: gives pulses on a pin that are high for a part of the time, 0 to 1, which each cast or call sets; a call,
 * which may be empty, is answered with the part. Configuration: `pin`; `frequency`: hertz, 1 to 40000, default 1000;
 * `initial`: a part, default 0. No outputs. The pin goes to 0 at the end.
 */
export function pwmOutProvider(
  pins: Pick<Pins, "pulse" | "write">,
  claims: Claims,
  providerId: string,
): DeviceResourceProvider {
  return {
    providerId,
    classType: "pwm-out",
    outputs: [],
    start: (configuration) => {
      const pin = requiredSetting(configuration, "pin");
      const frequency = numberSetting(configuration, "frequency", 1000, 1, 40000);
      let part = partOf(settingOf(configuration, "initial") || "0");
      const release = claims.claim(`pin ${pin}`, () => pins.pulse(pin, part, frequency));
      const set = (text: string) => {
        part = partOf(text);
        pins.pulse(pin, part, frequency);
      };
      return {
        cast: set,
        call: (text) => {
          if (text !== "") set(text);
          return `${part}`;
        },
        stop: () => {
          pins.pulse(pin, 0, frequency);
          pins.write(pin, 0);
          release();
        },
      };
    },
  };
}

function partOf(text: string): number {
  const part = Number(text);
  if (text === "" || !(part >= 0 && part <= 1))
    throw new DeviceFault(BAD_RESOURCE_CONFIG, `not 0 to 1: ${text.slice(0, 20)}`);
  return part;
}
