import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { makeAuthority } from "./authorities.js";
import { findProgram, giveFile, runProgram } from "./server-process.js";
import type { SqlServerKind } from "./sql-server.js";

const INSTALL = findProgram("mariadb-install-db");
const PROGRAM = findProgram("mariadbd");

/** Why tests with MariaDB are left out, as `tap` wants it; false when they can run. */
export const NO_MARIADB: string | false =
  INSTALL !== undefined && PROGRAM !== undefined
    ? false
    : "MariaDB is not installed (Debian package mariadb-server)";

const USER = "mysql";
const SET_UP = `CREATE DATABASE IF NOT EXISTS edgeless;
CREATE USER IF NOT EXISTS 'tester'@'%' IDENTIFIED BY 'secret';
GRANT ALL ON edgeless.* TO 'tester'@'%';
`;

export const MARIADB: SqlServerKind = {
  name: "MariaDB",
  user: USER,
  killSignal: "SIGKILL",
  prepare(folder, port) {
    const common = ["--no-defaults", `--datadir=${join(folder, "data")}`];
    runProgram(INSTALL ?? "", [...common, "--skip-test-db"], { cwd: folder, user: USER });
    const init = join(folder, "init.sql");
    writeFileSync(init, SET_UP);
    const args = [
      ...common,
      `--port=${port}`,
      "--bind-address=127.0.0.1",
      `--socket=${join(folder, "socket")}`,
      `--init-file=${init}`,
      "--skip-name-resolve",
      "--innodb-flush-log-at-trx-commit=2",
    ];
    if (makeAuthority(folder, "db", "localhost")) {
      giveFile(join(folder, "db.key"), USER);
      args.push(`--ssl-cert=${join(folder, "db.pem")}`, `--ssl-key=${join(folder, "db.key")}`);
    }
    return [PROGRAM ?? "", args];
  },
  urlAt: (port) => `mysql://tester:secret@127.0.0.1:${port}/edgeless`,
  async query(url, sql) {
    const connection = await createConnection({ uri: url, connectTimeout: 2_000 });
    try {
      const [rows] = await connection.query(sql);
      return Array.isArray(rows) ? rows : [];
    } finally {
      connection.destroy();
    }
  },
};
