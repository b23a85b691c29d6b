import { IMAGE_BYTES, PAYLOAD_BYTES, STATE_BYTES } from "../../embedded/board-limits.js";
import { Device } from "../../embedded/device.js";
import { type DeviceSettings, defaultSettings } from "../../embedded/device-settings.js";
import type { Hardware } from "../../embedded/hardware.js";
import type { DeviceResourceProvider } from "../../embedded/resource-provider.js";
import { TranslatedEngine } from "../../embedded/translated-engine.js";
import { boardFirmware } from "../boot/board-firmware.js";
import type { DriverConfig } from "../drivers/driver-config.js";
import { boardFlash } from "./board-flash.js";
import { type BoardPort, boardSocket } from "./board-socket.js";
import { boardTimers } from "./board-timers.js";
import { evaluateImage } from "./evaluate-image.js";
import { keepWifi } from "./keep-wifi.js";
import { freeMemoryBytes, hasRoomFor } from "./memory.js";
import { type BoardSettings, readSettings } from "./settings.js";
import { showState } from "./state-light.js";

/** Functions that may run. */
const INSTANCES = 4;
/** Things that wait, each of which takes variables. */
const WAITING = 4;

/** Starts the device runtime with the settings in flash. */
export function startFirmware(createProvider: (config: DriverConfig) => DeviceResourceProvider): void {
  const settings = readSettings();
  setTelnet(settings.telnet);
  const socket = boardSocket(settings.port);
  const hardware: Hardware = {
    socket,
    timers: boardTimers,
    random: fillRandomly,
    storage: boardFlash,
    freeMemoryBytes,
    hasRoomFor,
    log,
    board: process.env.BOARD,
  };
  const firmware = boardFirmware(boardTimers, log);
  const device = new Device(
    firmware === undefined ? hardware : Object.assign(hardware, { firmware }),
    [new TranslatedEngine(evaluateImage, boardTimers.nowMs)],
    providersOf(settings, createProvider),
    deviceSettings(settings),
  );
  run(device, settings, socket, firmware === undefined ? () => E.reboot() : () => firmware.guard.reboot());
}

function run(device: Device, settings: BoardSettings, socket: BoardPort, reboot: () => void): void {
  let isOnline = false;
  // Of the board, as its gateway knows it.
  let address: string | undefined;
  E.on("errorFlag", restartWithoutMemory);
  keepWifi(settings.wifi, settings.name, {
    connected: (now) => {
      isOnline = true;
      socket.setOnline(() => {
        if (address === undefined) device.start();
        else device.networkFound(now !== address);
        address = now;
      });
    },
    disconnected: () => {
      isOnline = false;
      socket.setOnline(undefined);
      device.networkLost();
    },
    stuck: () => {
      log(1, "the Wi-Fi does not answer");
      setTimeout(reboot, 100);
    },
    log: (level, text) => {
      log(level, text);
      device.note(level, text);
    },
  });
  if (settings.led !== "")
    showState(
      settings.led,
      () => isOnline,
      () => device.isRegistered(),
    );
}

/** Firmware of an ESP32 opens its console to the network unless it is told not to. */
function setTelnet(isOn: boolean): void {
  try {
    require("TelnetServer").setOptions({ mode: isOn ? "on" : "off" });
  } catch (_missing) {
    // Then there is nothing to close.
  }
}

/** A driver that cannot start costs the board its resource and nothing else. */
function providersOf(
  settings: BoardSettings,
  createProvider: (config: DriverConfig) => DeviceResourceProvider,
): DeviceResourceProvider[] {
  const providers: DeviceResourceProvider[] = [];
  for (let i = 0; i < settings.providers.length; i++) {
    const config = settings.providers[i] as DriverConfig;
    try {
      providers.push(createProvider(config));
    } catch (thrown) {
      log(1, `${config.class}: ${thrown}`);
    }
  }
  return providers;
}

function deviceSettings(board: BoardSettings): DeviceSettings {
  const settings = defaultSettings(board.node, board.gateway.address);
  settings.gatewayPort = board.gateway.port;
  settings.name = board.name;
  settings.labels = board.labels;
  settings.lifetimeSeconds = board.lifetimeSeconds;
  settings.maxFunctionMemoryBytes = board.functionMemoryBytes;
  settings.maxImageBytes = IMAGE_BYTES;
  settings.maxInstances = INSTANCES + board.providers.length;
  settings.maxPayloadBytes = PAYLOAD_BYTES;
  settings.maxStateBytes = STATE_BYTES;
  settings.mailboxCapacity = WAITING;
  settings.uplinkCapacity = WAITING;
  settings.logCapacity = WAITING;
  settings.delayedCapacity = WAITING;
  settings.endpoint.maxPeers = 2;
  settings.endpoint.maxObservers = 1;
  settings.endpoint.queueCapacity = WAITING;
  return settings;
}

/**
 * An interpreter that ran out of variables ended something halfway, and does not get all of them back: only a new start puts that
 * right.
 * @param flags undefined or empty when there was no room for them
 */
function restartWithoutMemory(flags: readonly string[] | undefined): void {
  if (flags !== undefined && flags.length > 0 && flags.indexOf("MEMORY") < 0) return;
  // First of all, while there is room for a timer.
  setTimeout(E.reboot, 100);
  log(1, "out of memory");
}

function log(level: number, text: string): void {
  print(`edgeless ${level} ${text}`);
}

function fillRandomly(target: Uint8Array): Uint8Array {
  // Interpreters for computers start their generator alike each time.
  for (let i = 0; i < target.length; i++) target[i] = E.hwRand() ^ (getTime() * 1e6);
  return target;
}
