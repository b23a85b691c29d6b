import type { DatagramPort } from "../coap-api/endpoint/transport.js";
import type { Clock } from "../core/clock.js";
import { randomUuid } from "../core/uuid.js";
import type { DeviceSettings } from "../embedded/device-settings.js";
import type { BoardProfile } from "./board-profile.js";
import { EmulatedDevice, type Peripherals } from "./emulated-device.js";
import { ModuleLibrary } from "./module-library.js";
import { seededRandom } from "./seeded-random.js";

/** A network interface of an emulated board. */
export interface FleetSocket extends DatagramPort {
  close(): unknown;
}

/** How a fleet is made. */
export interface FleetOptions {
  readonly count: number;
  readonly gatewayAddress: string;
  readonly profile: BoardProfile;
  readonly clock: Clock;
  /** Everything random about device `i` follows from this plus `i`, its node id included. */
  readonly seed: number;
  /** Opens the network interface of device `i`. */
  readonly openSocket: (index: number) => FleetSocket | Promise<FleetSocket>;
  readonly peripherals: Peripherals;
  /** What differs from the settings of a small board; names get a number. */
  readonly settings?: Partial<DeviceSettings>;
  /** Over how many milliseconds the devices are switched on. Default: at once. */
  readonly spreadMs?: number;
  /** Start of the folders of the flash storages; default: in memory. */
  readonly flashFolder?: (index: number) => string;
  readonly onLog?: (index: number, level: number, text: string) => void;
}

/** Many emulated boards in one process. They share the clock and compiled modules, and nothing else. */
export class Fleet {
  readonly devices: readonly EmulatedDevice[];
  readonly #options: FleetOptions;
  readonly #sockets: readonly FleetSocket[];

  private constructor(
    options: FleetOptions,
    devices: readonly EmulatedDevice[],
    sockets: readonly FleetSocket[],
  ) {
    this.#options = options;
    this.devices = devices;
    this.#sockets = sockets;
  }

  /** Makes the boards and their sockets, without power. Rejects with what `openSocket` rejects with. */
  static async create(options: FleetOptions): Promise<Fleet> {
    const library = new ModuleLibrary();
    const devices: EmulatedDevice[] = [];
    const sockets: FleetSocket[] = [];
    try {
      for (let index = 0; index < options.count; index++) {
        const socket = await options.openSocket(index);
        sockets.push(socket);
        devices.push(createDevice(options, index, socket, library));
      }
    } catch (thrown) {
      for (const socket of sockets) socket.close();
      throw thrown;
    }
    return new Fleet(options, devices, sockets);
  }

  /** How many devices their gateways know. */
  get registered(): number {
    return this.devices.filter(({ device }) => device?.isRegistered() === true).length;
  }

  /** Switches all devices on, spread evenly. */
  powerOn(): void {
    const { clock, spreadMs = 0 } = this.#options;
    for (const [index, device] of this.devices.entries()) {
      if (spreadMs === 0) device.powerOn();
      else clock.setTimer((spreadMs * index) / this.devices.length, () => device.powerOn());
    }
  }

  /** Pulls all plugs. */
  powerOff(): void {
    for (const device of this.devices) device.powerOff();
  }

  /** Pulls all plugs and closes the sockets. */
  async close(): Promise<void> {
    this.powerOff();
    await Promise.all(this.#sockets.map((socket) => socket.close()));
  }
}

function createDevice(
  options: FleetOptions,
  index: number,
  socket: DatagramPort,
  library: ModuleLibrary,
): EmulatedDevice {
  const { gatewayAddress, profile, clock, peripherals, settings, flashFolder, onLog } = options;
  const random = seededRandom(options.seed + index);
  const name =
    settings?.name === undefined || options.count === 1 ? settings?.name : `${settings.name}-${index + 1}`;
  return new EmulatedDevice({
    nodeId: randomUuid(random),
    gatewayAddress,
    profile,
    clock,
    random,
    socket,
    library,
    peripherals,
    settings: { ...settings, ...(name === undefined ? {} : { name }) },
    ...(flashFolder === undefined ? {} : { flashFolder: flashFolder(index) }),
    ...(onLog === undefined ? {} : { onLog: (level: number, text: string) => onLog(index, level, text) }),
  });
}
