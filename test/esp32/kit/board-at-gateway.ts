import type { Test } from "tap";
import { BOOT, firmwareFiles } from "../../../esp32/bundle/firmware-files.js";
import { openUdpSocket, type UdpSocket } from "../../../platform/udp-socket.js";
import type { GatewayRig } from "../../gateway/kit/gateway-rig.js";
import { rigFor } from "../../gateway/kit/gateway-steps.js";
import { EspruinoBoard, MEMORY_PROBE } from "../../kit/espruino-board.js";
import { freeUdpPort } from "../../kit/free-ports.js";
import { ROOT } from "../../kit/repository.js";
import { uuid } from "../../node/kit/events.js";

const bundled = firmwareFiles(ROOT);

/** A board without power, and the gateway to which its settings send it. */
export interface BoardAtGateway {
  readonly board: EspruinoBoard;
  readonly rig: GatewayRig;
  /** The socket of the gateway. */
  readonly socket: UdpSocket;
  /** UDP port of the device. */
  readonly port: number;
}

/** How a board is made. */
export interface BoardOptions {
  /** Tells the node id. */
  readonly number: number;
  /** What differs from the settings of a new board. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  /** What is run before the firmware, when the board boots. */
  readonly before?: string;
}

/** Makes a board that has the firmware in its storage and tells its memory, on a real interpreter, and a real gateway on a real socket. */
export async function boardAtGateway(t: Test, options: BoardOptions): Promise<BoardAtGateway> {
  const socket = await openUdpSocket("127.0.0.1", 0, "gateway");
  t.teardown(() => socket.close());
  const endpoint = { ackTimeoutMs: 400, maxTimeoutMs: 800, maxRetransmit: 20 };
  const rig = await rigFor(t, { socket, endpoint });
  const port = await freeUdpPort();
  const settings = {
    name: "desk",
    node: uuid(options.number),
    gateway: { address: "127.0.0.1", port: socket.port },
    lifetimeSeconds: 20,
    port,
    ...options.settings,
  };
  const files = Object.fromEntries(
    (await bundled).map(({ name, content }) => [name, content.toString("latin1")]),
  );
  const board = new EspruinoBoard().store({
    ...files,
    [BOOT]: `${MEMORY_PROBE};${options.before ?? ""}${files[BOOT]}`,
    "edgeless.json": JSON.stringify(settings),
  });
  t.teardown(() => {
    if (!t.passing()) t.comment(board.output.replaceAll(/.*free=\d+!\r?\n/g, "").slice(-3000));
    board.close();
  });
  return { board, rig, socket, port };
}
