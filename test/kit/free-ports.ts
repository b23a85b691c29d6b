import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { openUdpSocket } from "../../platform/udp-socket.js";

/** Finds TCP ports of 127.0.0.1 that nobody uses at the moment. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  return Promise.all(
    servers.map(async (server) => {
      const address = server.address();
      await new Promise((resolve) => server.close(resolve));
      if (address === null || typeof address === "string") throw new Error("no port");
      return address.port;
    }),
  );
}

/** Below the ports that systems give to whoever asks for any, so that nobody gets it in between. */
const UDP_PORTS = [20_000, 32_000] as const;

/** Finds a UDP port of 127.0.0.1 that nobody uses at the moment. */
export async function freeUdpPort(): Promise<number> {
  for (;;) {
    const port = randomInt(...UDP_PORTS);
    const socket = await openUdpSocket("127.0.0.1", port, "test").catch(() => undefined);
    await socket?.close();
    if (socket !== undefined) return port;
  }
}
