import { readScd30, startScd30 } from "../drivers/scd30.js";
import type { I2cBus } from "../hardware.js";
import { type DeviceResourceProvider, settingOf } from "../resource-provider.js";
import { Claims } from "./claims.js";
import { repeat } from "./repeat.js";

/** Seconds between measurements of the sensor itself. */
const SENSOR_INTERVAL = 2;

/**
 * Class `scd30-sensor`: carbon dioxide, humidity and temperature as `co2;rh;temp`, five decimals each, on `data_out`.
 * Configuration: `delay`, seconds between casts, 1 to 255; anything else keeps the default. There is one sensor.
 */
export function scd30SensorProvider(
  bus: I2cBus,
  providerId: string,
  defaultDelay: number,
): DeviceResourceProvider {
  const claims = new Claims();
  return {
    providerId,
    classType: "scd30-sensor",
    outputs: ["data_out"],
    start: (configuration, context) => {
      const release = claims.claim("the sensor");
      let running = false;
      const delay = Number(settingOf(configuration, "delay"));
      const seconds = delay >= 1 && delay <= 255 && delay === Math.floor(delay) ? delay : defaultDelay;
      let failing = false;
      // A sensor that does not answer is asked again at the next interval, and reported once.
      const end = repeat(context.timers, seconds * 1000, () => {
        try {
          if (!running) startScd30(bus, SENSOR_INTERVAL);
          running = true;
          const measurement = readScd30(bus);
          failing = false;
          if (measurement === undefined) return;
          const { co2, humidity, temperature } = measurement;
          context.cast("data_out", `${co2.toFixed(5)};${humidity.toFixed(5)};${temperature.toFixed(5)}`);
        } catch (_thrown) {
          running = false;
          if (!failing) context.log(2, "the sensor does not answer");
          failing = true;
        }
      });
      return {
        cast: () => {},
        stop: () => {
          end();
          release();
        },
      };
    },
  };
}
