/*
 * The processes that the benchmark of a fleet drives: a box, or a gateway and the rest of a domain apart, and a process full
 * of emulated devices. Each answers its parent with where it listens or how many devices are registered.
 */
import { templateBoxConfig } from "../cli/box/box-config.js";
import { startBox } from "../cli/box/start-box.js";
import { systemEnvironment } from "../cli/environment.js";
import { BOARD_PROFILES, type BoardProfile } from "../emulator/board-profile.js";
import { ALL_RESOURCES } from "../emulator/emulated-device.js";
import { Fleet } from "../emulator/fleet.js";
import { startGateway } from "../gateway/start-gateway.js";
import { systemClock } from "../platform/system-clock.js";
import { openUdpSocket } from "../platform/udp-socket.js";

/** What the parent is told of a process with devices. */
export interface FleetReport {
  readonly registered: number;
  /** Functions that run. */
  readonly running: number;
}

const REPORT_MS = 200;
const SEED = 77;
/** As `edgeless emulate` switches many devices on. */
const SPREAD_MS = 2;
const LOOPBACK = "127.0.0.1";

async function serveBox(stateFolder: string, initialPort: number, hasGateway: boolean): Promise<void> {
  const { gateway, ...rest } = configOf(stateFolder, initialPort);
  const box = await startBox(hasGateway && gateway !== undefined ? { ...rest, gateway } : rest, "silent");
  process.send?.({ nodeId: box.nodes[0]?.nodeId });
}

async function serveGateway(stateFolder: string, initialPort: number): Promise<void> {
  const { gateway } = configOf(stateFolder, initialPort);
  if (gateway !== undefined) await startGateway(gateway, systemEnvironment("gateway", "silent"));
  process.send?.({});
}

/** The configuration of a box, with ports of its own for the controller too. */
function configOf(stateFolder: string, initialPort: number) {
  const config = templateBoxConfig({ nodes: 1, initialPort, bindToNonLoopback: false, stateFolder });
  const { controller, orchestrator } = config;
  const domainRegisterUrl = `http://${LOOPBACK}:${initialPort - 1}`;
  const general = { ...orchestrator.general, domain_register_url: domainRegisterUrl };
  return {
    ...config,
    controller: {
      ...controller,
      controller_url: `http://${LOOPBACK}:${initialPort - 2}`,
      domain_register_url: domainRegisterUrl,
    },
    orchestrator: { ...orchestrator, general },
  };
}

async function emulate(coapPort: number, count: number): Promise<void> {
  const fleet = await Fleet.create({
    count,
    gatewayAddress: LOOPBACK,
    profile: BOARD_PROFILES.esp32 as BoardProfile,
    clock: systemClock,
    seed: SEED,
    openSocket: () => openUdpSocket(LOOPBACK, 0, "the socket of an emulated device"),
    peripherals: { resources: ALL_RESOURCES },
    settings: { gatewayPort: coapPort, name: "board" },
    spreadMs: SPREAD_MS * count,
  });
  process.once("message", () => fleet.powerOn());
  setInterval(() => {
    const running = fleet.devices.reduce((sum, { device }) => sum + (device?.instances().length ?? 0), 0);
    process.send?.({ registered: fleet.registered, running } satisfies FleetReport);
  }, REPORT_MS);
}

const [role = "", first = "", second = ""] = process.argv.slice(2);
if (role === "box" || role === "domain") await serveBox(first, Number(second), role === "box");
else if (role === "gateway") await serveGateway(first, Number(second));
else await emulate(Number(first), Number(second));
process.on("disconnect", () => process.exit());
