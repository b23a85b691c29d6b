import { createServer } from "node:net";
import { MemoryPort } from "./memory-port.js";

/** A scripted board behind a TCP port, for `--port`. */
export interface PortServer {
  /** As in `tcp://127.0.0.1:4000`. */
  readonly port: string;
  close(): void;
}

/** Serves what `attach` puts at the other end of a line without modem lines; every connection gets a new line. */
export async function servePort(attach: (port: MemoryPort) => void): Promise<PortServer> {
  const server = createServer((socket) => {
    const line = new MemoryPort(false);
    attach(line);
    line.onData((bytes) => socket.write(bytes));
    socket.on("data", (bytes) => {
      line.write(bytes).catch(() => socket.destroy());
    });
    socket.on("error", () => {});
    socket.on("close", () => line.pull());
    void line.lost.then(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const number = address !== null && typeof address === "object" ? address.port : 0;
  return { port: `tcp://127.0.0.1:${number}`, close: () => server.close() };
}
