import { BAD_RESOURCE_CONFIG, DeviceFault } from "../device-fault.js";
import type { I2cBus } from "../hardware.js";
import { bytesToHex, hexToBytes } from "../hex.js";
import {
  type DeviceResourceProvider,
  numberSetting,
  requiredSetting,
  settingOf,
} from "../resource-provider.js";
import { oneOf } from "./claims.js";
import { repeat } from "./repeat.js";

/** How the bytes that were read become a text. */
const FORMATS = ["hex", "u8", "i8", "u16", "i16", "u16le", "i16le"];
const MOST = 1e6;

/**
 * Class `i2c-sensor`: reads registers of any I2C device in intervals and casts them on `data_out`; answers a call with a
 * reading. Configuration: `address`, such as 0x48; `write`: bytes to write first, in hexadecimal digits; `count`: bytes to
 * read, 1 to 32, default 2; `format`: hex (default), u8, i8, u16, i16, u16le or i16le for one number, times `scale`
 * (default 1) plus `offset` (default 0); `interval`: seconds, 0.1 to 86400, default 10.
 */
export function i2cSensorProvider(bus: I2cBus, providerId: string): DeviceResourceProvider {
  return {
    providerId,
    classType: "i2c-sensor",
    outputs: ["data_out"],
    start: (configuration, context) => {
      const address = Number(requiredSetting(configuration, "address"));
      if (!(address >= 3 && address <= 0x77 && address === Math.floor(address)))
        throw new DeviceFault(BAD_RESOURCE_CONFIG, "address must be 0x03 to 0x77");
      const before = hexToBytes(settingOf(configuration, "write") || "");
      if (before === undefined || before.length > 32)
        throw new DeviceFault(BAD_RESOURCE_CONFIG, "write must be hexadecimal digits of up to 32 bytes");
      const format = oneOf("format", settingOf(configuration, "format") || "hex", FORMATS);
      const needed = format === "hex" ? 1 : format.indexOf("16") > 0 ? 2 : 1;
      const count = numberSetting(configuration, "count", Math.max(2, needed), needed, 32);
      const scale = numberSetting(configuration, "scale", 1, -MOST, MOST);
      const offset = numberSetting(configuration, "offset", 0, -MOST, MOST);
      const seconds = numberSetting(configuration, "interval", 10, 0.1, 86400);
      const read = () => {
        if (before.length > 0) bus.write(address, before);
        const bytes = bus.read(address, count);
        return format === "hex" ? bytesToHex(bytes) : `${numberOf(bytes, format) * scale + offset}`;
      };
      let failing = false;
      const end = repeat(context.timers, seconds * 1000, () => {
        let text: string;
        try {
          text = read();
          failing = false;
        } catch (_thrown) {
          if (!failing) context.log(2, "the device on the bus does not answer");
          failing = true;
          return;
        }
        context.cast("data_out", text);
      });
      return { cast: () => {}, call: read, stop: end };
    },
  };
}

function numberOf(bytes: Uint8Array, format: string): number {
  const first = bytes[0] as number;
  const second = bytes[1] as number;
  if (format === "u8") return first;
  if (format === "i8") return (first << 24) >> 24;
  const value = format.slice(-2) === "le" ? (second << 8) | first : (first << 8) | second;
  return format.charAt(0) === "i" ? (value << 16) >> 16 : value;
}
