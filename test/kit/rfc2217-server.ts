import { createServer } from "node:net";
import { TelnetDecoder, telnetData, telnetMessage } from "../../esp32/tools/telnet-stream.js";
import { MemoryPort } from "./memory-port.js";
import type { PortServer } from "./port-server.js";

/** A server of a serial line, and what it was told of that line. */
export interface Rfc2217Server extends PortServer {
  readonly speeds: number[];
}

/** Serves what `attach` puts at the other end of a line with modem lines (RFC 2217); every connection gets a new line. */
export async function serveRfc2217(attach: (port: MemoryPort) => void): Promise<Rfc2217Server> {
  const speeds: number[] = [];
  const server = createServer((socket) => {
    const line = new MemoryPort(true);
    const decoder = new TelnetDecoder();
    const signals = { dtr: false, rts: false };
    attach(line);
    line.onData((bytes) => socket.write(telnetData(bytes)));
    socket.on("data", (bytes) => {
      const { data, reply, messages } = decoder.push(bytes);
      if (reply.length > 0) socket.write(reply);
      for (const [code = 0, ...value] of messages) {
        if (code === 1) speeds.push(Buffer.from(value).readUInt32BE());
        const [control = 0] = value;
        if (code === 5 && (control === 8 || control === 9)) signals.dtr = control === 8;
        if (code === 5 && (control === 11 || control === 12)) signals.rts = control === 11;
        if (code === 5) line.setSignals({ ...signals }).catch(() => {});
        socket.write(telnetMessage(code + 100, value));
      }
      line.write(data).catch(() => socket.destroy());
    });
    socket.on("error", () => {});
    socket.on("close", () => line.pull());
    void line.lost.then(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const number = address !== null && typeof address === "object" ? address.port : 0;
  return { port: `rfc2217://127.0.0.1:${number}`, speeds, close: () => server.close() };
}
