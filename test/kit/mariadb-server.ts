import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { eventually } from "./eventually.js";
import { freePorts } from "./free-ports.js";
import { findProgram, runProgram, ServerProcess, serverFolder } from "./server-process.js";

const INSTALL = findProgram("mariadb-install-db");
const MARIADB = findProgram("mariadbd");

/** Why tests with MariaDB are left out, as `tap` wants it; false when they can run. */
export const NO_MARIADB: string | false =
  INSTALL !== undefined && MARIADB !== undefined
    ? false
    : "MariaDB is not installed (Debian package mariadb-server)";

/** A real MariaDB server of a test's own. */
export class MariadbServer {
  readonly url: string;
  readonly #process: ServerProcess;

  private constructor(url: string, process: ServerProcess) {
    this.url = url;
    this.#process = process;
  }

  static async start(): Promise<MariadbServer> {
    const [port = 0] = await freePorts(1);
    const user = "mysql";
    const folder = serverFolder("mariadb", user);
    const data = join(folder, "data");
    const common = ["--no-defaults", `--datadir=${data}`];
    runProgram(INSTALL ?? "", [...common, "--skip-test-db"], { cwd: folder, user });
    const init = join(folder, "init.sql");
    writeFileSync(
      init,
      "CREATE DATABASE IF NOT EXISTS edgeless;\nCREATE USER IF NOT EXISTS 'tester'@'%' IDENTIFIED BY 'secret';\nGRANT ALL ON edgeless.* TO 'tester'@'%';\n",
    );
    const args = [
      ...common,
      `--port=${port}`,
      "--bind-address=127.0.0.1",
      `--socket=${join(folder, "socket")}`,
      `--init-file=${init}`,
      "--skip-name-resolve",
      "--innodb-flush-log-at-trx-commit=2",
    ];
    const process = new ServerProcess(MARIADB ?? "", args, { cwd: folder, user });
    const server = new MariadbServer(`mysql://tester:secret@127.0.0.1:${port}/edgeless`, process);
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
    await eventually("an answer of MariaDB", () => this.query("SELECT 1"), 60_000);
  }

  /** Rows of a statement, on a connection of its own. */
  async query(sql: string): Promise<unknown[]> {
    const connection = await createConnection({ uri: this.url, connectTimeout: 2_000 });
    try {
      const [rows] = await connection.query(sql);
      return Array.isArray(rows) ? rows : [];
    } finally {
      connection.destroy();
    }
  }

  /** Ends it at once, connections included. */
  kill(): Promise<void> {
    return this.#process.end("SIGKILL");
  }

  close(): Promise<void> {
    return this.#process.close();
  }
}
