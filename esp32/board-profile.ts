/** A kind of board: its light, and where things are wired when nothing else is said. */
export interface BoardProfile {
  /** For people. */
  readonly description: string;
  /** Name of Espruino's firmware for it. */
  readonly firmware: string;
  /** Pin of a light; absent: none that is simply on or off. */
  readonly led?: string;
  /** Pins of resource providers by class. */
  readonly wiring: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** I2C devices share a bus; the pins avoid those that choose how a chip starts. */
function wiring(sda: string, scl: string, display: Readonly<Record<string, string>>): BoardProfile["wiring"] {
  return { "scd30-sensor": { sda, scl }, "i2c-sensor": { sda, scl }, "epaper-display": display };
}

/** The boards that are known by name. */
export const BOARD_PROFILES: Readonly<Record<string, BoardProfile>> = {
  "esp32-devkit": {
    description: "ESP32 DevKit with a WROOM or WROVER module",
    firmware: "ESP32",
    led: "D2",
    wiring: wiring("D21", "D22", {
      sck: "D18",
      mosi: "D23",
      cs: "D5",
      dc: "D17",
      rst: "D16",
      busy: "D4",
    }),
  },
  "esp32-c3": {
    description: "ESP32-C3 DevKitM or SuperMini",
    firmware: "ESP32C3",
    wiring: wiring("D5", "D6", { sck: "D4", mosi: "D7", cs: "D10", dc: "D3", rst: "D1", busy: "D0" }),
  },
  "esp32-s3": {
    description: "ESP32-S3 DevKitC",
    firmware: "ESP32S3",
    wiring: wiring("D8", "D9", { sck: "D12", mosi: "D11", cs: "D10", dc: "D13", rst: "D14", busy: "D21" }),
  },
};

/** The name of the profile of a board, by the name of its firmware; the first one when it is unknown. */
export function profileOfFirmware(firmware: string): string {
  const known = Object.entries(BOARD_PROFILES).find(([, profile]) => firmware.startsWith(profile.firmware));
  const exact = Object.entries(BOARD_PROFILES).find(([, profile]) => profile.firmware === firmware);
  return (exact ?? known)?.[0] ?? "esp32-devkit";
}
