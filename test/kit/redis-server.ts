import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RedisSession } from "../../platform/redis/redis-session.js";
import { systemClock } from "../../platform/system-clock.js";
import { eventually } from "./eventually.js";
import { freePorts } from "./free-ports.js";

/** Why tests with Redis are left out, as `tap` wants it; false when they can run. */
export const NO_REDIS: string | false =
  spawnSync("redis-server", ["--version"]).status === 0
    ? false
    : "the program redis-server is not installed (Debian package redis-server)";

/** A real Redis server of a test's own, which keeps nothing on disk. */
export class RedisServer {
  readonly url: string;
  readonly #port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), "edgeless-redis-"));
  #child: ChildProcess | undefined;

  private constructor(port: number) {
    this.#port = port;
    this.url = `redis://127.0.0.1:${port}`;
  }

  static async start(): Promise<RedisServer> {
    const [port = 0] = await freePorts(1);
    const server = new RedisServer(port);
    await server.run();
    return server;
  }

  /** Starts it, empty; again after it ended. */
  async run(): Promise<void> {
    this.#child = spawn(
      "redis-server",
      ["--port", `${this.#port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
      { cwd: this.#folder, stdio: "ignore" },
    );
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
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  /** Ends it at once; everything in it is lost. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
