import type { Pins } from "../hardware.js";
import { type DeviceResourceProvider, numberSetting, requiredSetting } from "../resource-provider.js";
import type { Claims } from "./claims.js";
import { repeat } from "./repeat.js";

/** Digits behind the point. */
const DECIMALS = 4;
const MOST = 1e6;

/**
 * Class `adc`: casts the voltage of a pin on `data_out` in intervals, as a part of the reference voltage times `scale` plus
 * `offset`, and answers a call with it. Configuration: `pin`; `interval`: seconds, 0.1 to 86400, default 10; `scale`,
 * default 1; `offset`, default 0; `change`: how much it must differ from the last cast, default 0.
 */
export function adcProvider(
  pins: Pick<Pins, "analog">,
  claims: Claims,
  providerId: string,
): DeviceResourceProvider {
  return {
    providerId,
    classType: "adc",
    outputs: ["data_out"],
    start: (configuration, context) => {
      const pin = requiredSetting(configuration, "pin");
      const seconds = numberSetting(configuration, "interval", 10, 0.1, 86400);
      const scale = numberSetting(configuration, "scale", 1, -MOST, MOST);
      const offset = numberSetting(configuration, "offset", 0, -MOST, MOST);
      const change = numberSetting(configuration, "change", 0, 0, MOST);
      const release = claims.claim(`pin ${pin}`, () => pins.analog(pin));
      const measure = () => pins.analog(pin) * scale + offset;
      let last = NaN;
      const end = repeat(context.timers, seconds * 1000, () => {
        const value = measure();
        if (Math.abs(value - last) < change) return;
        last = value;
        context.cast("data_out", value.toFixed(DECIMALS));
      });
      return {
        cast: () => {},
        call: () => measure().toFixed(DECIMALS),
        stop: () => {
          end();
          release();
        },
      };
    },
  };
}
