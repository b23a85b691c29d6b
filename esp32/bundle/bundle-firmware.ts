import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { bundleScript, type DeviceBundle } from "./bundle-script.js";
import { HOT_FUNCTIONS } from "./hot-functions.js";
import { outsideNames } from "./outside-names.js";

/** Folders of the sources of a board, from the root of the project. */
const FIRMWARE = "esp32/firmware";
const DRIVERS = "esp32/drivers";

/** Bundles the firmware of a board with all drivers. */
export function bundleFirmware(root: string, hot: readonly string[] = HOT_FUNCTIONS): Promise<DeviceBundle> {
  const sources = [FIRMWARE, DRIVERS].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".ts"))
      .map((name) => join(root, folder, name)),
  );
  const described = sources.filter((path) => path.includes(DRIVERS) || /(\.d|settings)\.ts$/.test(path));
  return bundleScript({
    root,
    entry: firmwareEntry(driverClasses(root)),
    outside: outsideNames(described),
    hot,
  });
}

/** Resource classes that have a driver: a source of their name each. */
export function driverClasses(root: string): string[] {
  const names = readdirSync(join(root, DRIVERS)).filter((name) => name.endsWith(".ts"));
  return names.map((name) => basename(name, ".ts")).filter((name) => DRIVER_CLASSES.has(name));
}

const DRIVER_CLASSES: ReadonlySet<string> = new Set([
  "adc",
  "epaper-display",
  "gpio-in",
  "gpio-out",
  "i2c-sensor",
  "pwm-out",
  "scd30-sensor",
]);

function firmwareEntry(classes: readonly string[]): string {
  const imports = classes.map(
    (name, at) => `import { create as create${at} } from "./${DRIVERS}/${name}.js";`,
  );
  const choices = classes.map((name, at) => `if (config.class === "${name}") return create${at}(config);`);
  return `${imports.join("\n")}
import { startFirmware } from "./${FIRMWARE}/start-firmware.js";
function createProvider(config) {
  ${choices.join("\n  ")}
  throw "no driver for " + config.class;
}
startFirmware(createProvider);
`;
}
