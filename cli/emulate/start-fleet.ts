import { isIPv6 } from "node:net";
import type { Clock } from "../../core/clock.js";
import { Fleet } from "../../emulator/fleet.js";
import { csvMeasurements } from "../../emulator/measurements.js";
import { BridgedSocket } from "../../emulator/network/bridged-socket.js";
import { seededRandom } from "../../emulator/seeded-random.js";
import { readUserFile } from "../../platform/read-file.js";
import { openUdpSocket } from "../../platform/udp-socket.js";
import {
  type EmulateOptions,
  gatewayOption,
  linkOption,
  numberOption,
  profileOption,
  resourcesOption,
} from "./emulate-options.js";

/** Most devices that one process emulates: each has a socket of its own. */
const MOST = 20_000;

/** Time between two devices that are switched on: the host starts a few thousand in a second at most, milliseconds. */
const SPREAD_MS = 2;

/** Makes the emulated devices that the command line asks for, without power. */
export async function createFleet(options: EmulateOptions, clock: Clock): Promise<Fleet> {
  const gateway = await gatewayOption(options.gateway);
  const conditions = linkOption(options);
  const isClean = Object.values(conditions).every(
    (value) => value === 0 || (Array.isArray(value) && value.length === 0),
  );
  const seed = numberOption(options.seed, "--seed", 0, 0xffffffff);
  const { measurements, flashFolder } = options;
  const source =
    measurements === undefined
      ? undefined
      : csvMeasurements(readUserFile(measurements).toString("utf8"), measurements);
  const count = numberOption(options.count, "--count", 1, MOST);
  return Fleet.create({
    count,
    gatewayAddress: gateway.address,
    profile: profileOption(options.profile),
    clock,
    seed,
    openSocket: async (index) => {
      const host = isIPv6(gateway.address) ? "::" : "0.0.0.0";
      const socket = await openUdpSocket(host, 0, "the socket of an emulated device");
      return isClean
        ? socket
        : new BridgedSocket(socket, clock, seededRandom(seed ^ (index + 1)), conditions);
    },
    peripherals: {
      resources: resourcesOption(options.resources),
      ...(source === undefined ? {} : { measurements: source }),
    },
    settings: { gatewayPort: gateway.port, name: options.name },
    spreadMs:
      options.spread === undefined
        ? SPREAD_MS * count
        : numberOption(options.spread, "--spread", 0, 1e6) * 1000,
    ...(flashFolder === undefined ? {} : { flashFolder: (index: number) => `${flashFolder}/${index + 1}` }),
  });
}
