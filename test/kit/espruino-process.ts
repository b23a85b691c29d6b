import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The path of a real Espruino for Linux; undefined when the environment names none. */
export const ESPRUINO = process.env.ESPRUINO === "" ? undefined : process.env.ESPRUINO;

/** A real Espruino whose console is behind a TCP port, like a board behind a serial bridge, with a flash of its own. */
export class EspruinoProcess {
  /** For `--port`. */
  readonly port: string;
  readonly #close: () => void;

  private constructor(port: string, close: () => void) {
    this.port = port;
    this.#close = close;
  }

  static async start(path: string): Promise<EspruinoProcess> {
    const folder = mkdtempSync(join(tmpdir(), "edgeless-board-"));
    let client: Socket | undefined;
    let isOver = false;
    const powerOn = () => {
      const process = spawn(path, [], { cwd: folder, stdio: ["pipe", "pipe", "ignore"] });
      process.stdout.on("data", (bytes: Buffer) => client?.write(bytes));
      process.stdin.on("error", () => {});
      // What restarts a board ends an interpreter for Linux.
      process.on("exit", () => {
        if (!isOver) child = powerOn();
      });
      return process;
    };
    let child = powerOn();
    const server = createServer((socket) => {
      client = socket;
      socket.on("error", () => {});
      socket.on("data", (bytes) => child.stdin.write(bytes));
      socket.on("close", () => {
        if (client === socket) client = undefined;
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    return new EspruinoProcess(`tcp://127.0.0.1:${port}`, () => {
      isOver = true;
      server.close();
      client?.destroy();
      // It does not listen to gentler signals.
      child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    });
  }

  close(): void {
    this.#close();
  }
}
