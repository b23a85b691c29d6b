import { RedisSession } from "../../platform/redis/redis-session.js";
import { systemClock } from "../../platform/system-clock.js";
import { eventually } from "./eventually.js";
import { freePorts } from "./free-ports.js";
import { findProgram, ServerProcess, serverFolder } from "./server-process.js";

const PROGRAM = findProgram("redis-server");

/** Why tests with Redis are left out, as `tap` wants it; false when they can run. */
export const NO_REDIS: string | false =
  PROGRAM === undefined ? "the program redis-server is not installed (Debian package redis-server)" : false;

/** A real Redis server of a test's own, which keeps nothing on disk. */
export class RedisServer {
  readonly url: string;
  readonly #process: ServerProcess;

  private constructor(port: number) {
    this.url = `redis://127.0.0.1:${port}`;
    const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    this.#process = new ServerProcess(PROGRAM ?? "", args, { cwd: serverFolder("redis") });
  }

  static async start(): Promise<RedisServer> {
    const [port = 0] = await freePorts(1);
    const server = new RedisServer(port);
    await server.run();
    return server;
  }

  /** Starts it, empty; again after it ended. */
  async run(): Promise<void> {
    this.#process.run();
    await eventually("an answer of redis-server", async () => {
      const session = await this.session();
      session.close();
      return true;
    });
  }

  session(): Promise<RedisSession> {
    return RedisSession.open(this.url, { clock: systemClock, deadlineMs: 2_000 });
  }

  /** Stops it from answering, with all connections open. */
  freeze(): void {
    this.#process.freeze();
  }

  thaw(): void {
    this.#process.thaw();
  }

  /** Ends it at once; everything in it is lost. */
  kill(): Promise<void> {
    return this.#process.end("SIGKILL");
  }

  close(): Promise<void> {
    return this.#process.close();
  }
}
