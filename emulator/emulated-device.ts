import type { DatagramPort } from "../coap-api/endpoint/transport.js";
import { RUNTIME_JS } from "../coap-api/operations/register.js";
import type { Clock } from "../core/clock.js";
import type { Random } from "../core/random.js";
import { CONSOLE } from "../embedded/boot-journal.js";
import { Device } from "../embedded/device.js";
import { type DeviceSettings, defaultSettings } from "../embedded/device-settings.js";
import { SCD30_ADDRESS } from "../embedded/drivers/scd30.js";
import type { Hardware } from "../embedded/hardware.js";
import type { DeviceResourceProvider } from "../embedded/resource-provider.js";
import { adcProvider } from "../embedded/resources/adc.js";
import { Claims } from "../embedded/resources/claims.js";
import { epaperDisplayProvider } from "../embedded/resources/epaper-display.js";
import { gpioInProvider } from "../embedded/resources/gpio-in.js";
import { gpioOutProvider } from "../embedded/resources/gpio-out.js";
import { i2cSensorProvider } from "../embedded/resources/i2c-sensor.js";
import { pwmOutProvider } from "../embedded/resources/pwm-out.js";
import { scd30SensorProvider } from "../embedded/resources/scd30-sensor.js";
import { NumberedTimers } from "../platform/numbered-timers.js";
import type { BoardProfile } from "./board-profile.js";
import { EmulatedBoot } from "./emulated-boot.js";
import { EmulatedDisplay } from "./emulated-display.js";
import { EmulatedI2cBus } from "./emulated-i2c-bus.js";
import { EmulatedPins } from "./emulated-pins.js";
import { EmulatedScd30 } from "./emulated-scd30.js";
import { EmulatedFlash } from "./flash.js";
import { JsEngine } from "./js-engine.js";
import { type MeasurementSource, roomModel } from "./measurements.js";
import { MemoryBudget } from "./memory-budget.js";
import type { ModuleLibrary } from "./module-library.js";
import { WasmEngine } from "./wasm-engine.js";

/** What an emulated board has around it. */
export interface Peripherals {
  /** Classes of resources that the board offers. */
  readonly resources: readonly ResourceClass[];
  /** What its SCD30 measures; default: a room over the day. */
  readonly measurements?: MeasurementSource;
}

/** Classes of resources that an emulated board can offer. */
export type ResourceClass =
  | "scd30-sensor"
  | "epaper-display"
  | "gpio-in"
  | "gpio-out"
  | "adc"
  | "pwm-out"
  | "i2c-sensor";

/** All of them. */
export const ALL_RESOURCES: readonly ResourceClass[] = [
  "scd30-sensor",
  "epaper-display",
  "gpio-in",
  "gpio-out",
  "adc",
  "pwm-out",
  "i2c-sensor",
];

/** How an emulated board is made. */
export interface EmulatedDeviceOptions {
  /** EDGELESS node id. */
  readonly nodeId: string;
  readonly gatewayAddress: string;
  readonly profile: BoardProfile;
  readonly clock: Clock;
  readonly random: Random;
  /** The network interface of the board. */
  readonly socket: DatagramPort;
  readonly library: ModuleLibrary;
  readonly peripherals: Peripherals;
  /** Where its flash storage lives; default: in memory. */
  readonly flashFolder?: string;
  /** What differs from the settings of a small board. */
  readonly settings?: Partial<DeviceSettings>;
  /** Takes what the runtime says about itself. */
  readonly onLog?: (level: number, text: string) => void;
}

/** A board on which nothing happens any more is reset after so long, milliseconds. */
const WATCHDOG_MS = 30_000;

/** Seconds between measurements unless a workflow says otherwise, as the reference's emulated sensor. */
const MEASUREMENT_SECONDS = 1;

/** An emulated board: the device runtime on emulated hardware. It starts without power. */
export class EmulatedDevice {
  readonly pins = new EmulatedPins();
  readonly display = new EmulatedDisplay();
  readonly bus = new EmulatedI2cBus();
  readonly scd30: EmulatedScd30;
  readonly flash: EmulatedFlash;
  /** Told after each change of an instance, and when power comes or goes. */
  onChange: (() => void) | undefined;
  readonly #options: EmulatedDeviceOptions;
  readonly #timers: NumberedTimers;
  #device: Device | undefined;
  #receive: ((datagram: Uint8Array, address: string, port: number) => void) | undefined;

  constructor(options: EmulatedDeviceOptions) {
    const { clock, random, peripherals, profile, flashFolder, socket } = options;
    this.#options = options;
    this.#timers = new NumberedTimers(clock);
    this.flash = new EmulatedFlash(profile.flashBytes, flashFolder);
    this.scd30 = new EmulatedScd30(peripherals.measurements ?? roomModel(random), clock);
    this.bus.attach(SCD30_ADDRESS, this.scd30);
    socket.onDatagram((datagram, address, port) => this.#receive?.(datagram, address, port));
  }

  get nodeId(): string {
    return this.#options.nodeId;
  }

  /** The runtime; undefined without power. */
  get device(): Device | undefined {
    return this.#device;
  }

  /** Starts the board, which has what is in its flash storage, and nothing else. */
  powerOn(): void {
    if (this.#device === undefined) this.#boot(false);
  }

  /** Starts anew without loss of power, as after a crash or by the watchdog. */
  reset(): void {
    this.powerOff();
    this.#boot(true);
  }

  #boot(isReset: boolean): void {
    const boot = new EmulatedBoot(this.flash, isReset);
    const reboot = () => this.reset();
    if (!boot.starts) {
      this.#options.onLog?.(1, "the firmware does not start");
      if (boot.decision.mode !== CONSOLE) this.#timers.set(WATCHDOG_MS, reboot);
      return;
    }
    const { profile, gatewayAddress, nodeId, library, settings, random } = this.#options;
    const memory = new MemoryBudget(profile.memoryBytes);
    const log = (level: number, text: string) => this.#options.onLog?.(level, text);
    const hardware: Hardware = {
      socket: {
        send: (datagram, address, port) => {
          if (this.#device === device) this.#options.socket.send(datagram, address, port);
        },
        onDatagram: (handler) => {
          this.#receive = handler;
        },
      },
      timers: this.#timers,
      random: (target) => random.fill(target),
      storage: this.flash,
      freeMemoryBytes: () => memory.freeBytes,
      // What functions hold is all that counts here.
      hasRoomFor: () => true,
      log,
      board: profile.board,
      firmware: boot.firmware({ timers: this.#timers, reboot, log }),
    };
    const engine =
      profile.runtime === RUNTIME_JS
        ? new JsEngine(library.context, memory, profile.workPerMs)
        : new WasmEngine(library, memory, profile.workPerMs);
    const device = new Device(hardware, [engine], this.#providers(), {
      ...defaultSettings(nodeId, gatewayAddress),
      maxInstances: profile.maxInstances,
      maxFunctionMemoryBytes: profile.functionMemoryBytes,
      maxImageBytes: profile.maxImageBytes,
      ...(profile.maxPayloadBytes === undefined ? {} : { maxPayloadBytes: profile.maxPayloadBytes }),
      ...(profile.maxStateBytes === undefined ? {} : { maxStateBytes: profile.maxStateBytes }),
      ...settings,
    });
    this.#device = device;
    device.onChange = () => this.onChange?.();
    device.start();
    this.onChange?.();
  }

  /** Pulls the plug: everything but the flash storage is gone, and nobody is told. */
  powerOff(): void {
    this.#device = undefined;
    this.#receive = undefined;
    this.#timers.clearAll();
    this.onChange?.();
  }

  /** Leaves the gateway properly, then switches off. */
  leave(): void {
    this.#device?.stop();
    this.powerOff();
  }

  #providers(): DeviceResourceProvider[] {
    const claims = new Claims();
    const { bus, display, pins } = this;
    const make: Record<ResourceClass, () => DeviceResourceProvider> = {
      "scd30-sensor": () => scd30SensorProvider(bus, "scd30-sensor-1", MEASUREMENT_SECONDS),
      "epaper-display": () => epaperDisplayProvider(display, "epaper-display-1"),
      "gpio-in": () => gpioInProvider(pins, claims, "gpio-in-1"),
      "gpio-out": () => gpioOutProvider(pins, claims, "gpio-out-1"),
      adc: () => adcProvider(pins, claims, "adc-1"),
      "pwm-out": () => pwmOutProvider(pins, claims, "pwm-out-1"),
      "i2c-sensor": () => i2cSensorProvider(bus, "i2c-sensor-1"),
    };
    return this.#options.peripherals.resources.map((name) => make[name]());
  }
}
