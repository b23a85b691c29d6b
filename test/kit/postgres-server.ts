import { writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { eventually } from "./eventually.js";
import { freePorts } from "./free-ports.js";
import { findProgram, runProgram, ServerProcess, serverFolder, versionFolders } from "./server-process.js";

const FOLDERS = versionFolders("/usr/lib/postgresql", "bin");
const INITDB = findProgram("initdb", FOLDERS);
const POSTGRES = findProgram("postgres", FOLDERS);

/** Why tests with PostgreSQL are left out, as `tap` wants it; false when they can run. */
export const NO_POSTGRES: string | false =
  INITDB !== undefined && POSTGRES !== undefined
    ? false
    : "PostgreSQL is not installed (Debian package postgresql)";

/** A real PostgreSQL server of a test's own. */
export class PostgresServer {
  readonly url: string;
  readonly #process: ServerProcess;

  private constructor(url: string, process: ServerProcess) {
    this.url = url;
    this.#process = process;
  }

  static async start(): Promise<PostgresServer> {
    const [port = 0] = await freePorts(1);
    const user = "postgres";
    const folder = serverFolder("postgres", user);
    const passwords = join(folder, "password");
    writeFileSync(passwords, "secret");
    const data = join(folder, "data");
    const setUp = ["-D", data, "-U", "tester", `--pwfile=${passwords}`, "--auth=scram-sha-256", "--no-sync"];
    runProgram(INITDB ?? "", setUp, { cwd: folder, user });
    const args = ["-D", data, "-p", `${port}`, "-h", "127.0.0.1", "-k", folder, "-c", "fsync=off"];
    const process = new ServerProcess(POSTGRES ?? "", args, { cwd: folder, user });
    const server = new PostgresServer(`postgres://tester:secret@127.0.0.1:${port}/postgres`, process);
    try {
      await server.run();
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /** Starts it, with its data; again after it ended. */
  async run(): Promise<void> {
    this.#process.run();
    await eventually("an answer of PostgreSQL", () => this.query("SELECT 1"), 60_000);
  }

  /** Rows of a statement, on a connection of its own. */
  async query(sql: string): Promise<unknown[]> {
    const client = new pg.Client({ connectionString: this.url, connectionTimeoutMillis: 2_000 });
    client.on("error", () => {});
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** Ends it at once, connections included. */
  kill(): Promise<void> {
    return this.#process.end("SIGQUIT");
  }

  async close(): Promise<void> {
    await this.kill();
    await this.#process.close();
  }
}
