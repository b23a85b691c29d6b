import type { PortServer } from "../grpc-api/index.js";

/**
 * Opens the port at which the agents of all devices are reached over one connection.
 * @param wanted 0: any
 * @param taken ports that devices will want
 * @throws EdgelessError EDGELESS_PORT_IN_USE when the wanted port is taken, EDGELESS_CANNOT_BIND
 */
export async function openSharedPort(
  ports: Pick<PortServer, "open" | "close">,
  wanted: number,
  taken: ReadonlySet<number>,
): Promise<number> {
  if (wanted !== 0) return ports.open(wanted, []);
  const spare: number[] = [];
  try {
    for (;;) {
      const port = await ports.open(0, []);
      if (!taken.has(port)) return port;
      // Held until another one is found, so that the system does not offer it again.
      spare.push(port);
    }
  } finally {
    for (const port of spare) ports.close(port);
  }
}
