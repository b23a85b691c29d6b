import { Device } from "../../embedded/device.js";
import { type DeviceSettings, defaultSettings } from "../../embedded/device-settings.js";
import type { Hardware } from "../../embedded/hardware.js";
import type { DeviceResourceProvider } from "../../embedded/resource-provider.js";
import { TranslatedEngine } from "../../embedded/translated-engine.js";
import { boardFirmware } from "../boot/board-firmware.js";
import type { DriverConfig } from "../drivers/driver-config.js";
import { boardFlash } from "./board-flash.js";
import { boardSocket } from "./board-socket.js";
import { boardTimers } from "./board-timers.js";
import { evaluateImage } from "./evaluate-image.js";
import { freeMemoryBytes } from "./memory.js";
import { type BoardSettings, readSettings } from "./settings.js";

/** Starts the device runtime with the settings in flash. */
export function startFirmware(createProvider: (config: DriverConfig) => DeviceResourceProvider): Device {
  const settings = readSettings();
  const log = (level: number, text: string) => print(`edgeless ${level} ${text}`);
  const hardware: Hardware = {
    socket: boardSocket(settings.port),
    timers: boardTimers,
    random: fillRandomly,
    storage: boardFlash,
    freeMemoryBytes,
    log,
    board: process.env.BOARD,
    firmware: boardFirmware(boardTimers, log),
  };
  const engine = new TranslatedEngine(evaluateImage, boardTimers.nowMs);
  const providers = settings.providers.map(createProvider);
  const device = new Device(hardware, [engine], providers, deviceSettings(settings));
  device.start();
  return device;
}

function deviceSettings(board: BoardSettings): DeviceSettings {
  const settings = defaultSettings(board.node, board.gateway.address);
  settings.gatewayPort = board.gateway.port;
  settings.name = board.name;
  settings.labels = board.labels;
  settings.lifetimeSeconds = board.lifetimeSeconds;
  settings.maxFunctionMemoryBytes = 4096;
  settings.maxInstances = 4;
  return settings;
}

function fillRandomly(target: Uint8Array): Uint8Array {
  for (let i = 0; i < target.length; i++) target[i] = E.hwRand();
  return target;
}
