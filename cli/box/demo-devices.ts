import { parseEndpoint } from "../../core/endpoint.js";
import { EdgelessError } from "../../core/errors.js";
import { BOARD_PROFILES } from "../../emulator/board-profile.js";
import { ALL_RESOURCES } from "../../emulator/emulated-device.js";
import { Fleet } from "../../emulator/fleet.js";
import { systemClock } from "../../platform/system-clock.js";
import { openUdpSocket } from "../../platform/udp-socket.js";
import type { Closeable } from "../until-signal.js";

/** Names of the emulated boards of the demo. */
export const DEMO_DEVICES = ["porch", "hall", "kitchen"] as const;

/** Starts the emulated boards of the demo. */
export async function startDemoDevices(coapUrl: string): Promise<Closeable> {
  const { port } = parseEndpoint(coapUrl, "coap_url");
  const profile = BOARD_PROFILES.esp32;
  if (profile === undefined) throw new EdgelessError("EDGELESS_INTERNAL", "there is no board profile esp32");
  const boards = await Promise.all(
    DEMO_DEVICES.map((name, index) =>
      Fleet.create({
        count: 1,
        gatewayAddress: "127.0.0.1",
        profile,
        clock: systemClock,
        seed: 1000 * (index + 1),
        openSocket: () => openUdpSocket("127.0.0.1", 0, "the socket of an emulated device"),
        peripherals: { resources: ALL_RESOURCES },
        settings: { gatewayPort: port, name },
      }),
    ),
  );
  for (const board of boards) board.powerOn();
  return {
    async close() {
      for (const board of boards) await board.close();
    },
  };
}
