import { writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { makeAuthority } from "./authorities.js";
import { findProgram, giveFile, runProgram, versionFolders } from "./server-process.js";
import type { SqlServerKind } from "./sql-server.js";

const FOLDERS = versionFolders("/usr/lib/postgresql", "bin");
const INITDB = findProgram("initdb", FOLDERS);
const PROGRAM = findProgram("postgres", FOLDERS);

/** Why tests with PostgreSQL are left out, as `tap` wants it; false when they can run. */
export const NO_POSTGRES: string | false =
  INITDB !== undefined && PROGRAM !== undefined
    ? false
    : "PostgreSQL is not installed (Debian package postgresql)";

const USER = "postgres";

export const POSTGRES: SqlServerKind = {
  name: "PostgreSQL",
  user: USER,
  // SIGKILL would leave its helper processes behind.
  killSignal: "SIGQUIT",
  prepare(folder, port) {
    const passwords = join(folder, "password");
    writeFileSync(passwords, "secret");
    const data = join(folder, "data");
    const setUp = ["-D", data, "-U", "tester", `--pwfile=${passwords}`, "--auth=scram-sha-256", "--no-sync"];
    runProgram(INITDB ?? "", setUp, { cwd: folder, user: USER });
    const args = ["-D", data, "-p", `${port}`, "-h", "127.0.0.1", "-k", folder, "-c", "fsync=off"];
    if (makeAuthority(folder, "db", "localhost")) {
      giveFile(join(folder, "db.key"), USER);
      const [certificate, key] = [join(folder, "db.pem"), join(folder, "db.key")];
      args.push("-c", "ssl=on", "-c", `ssl_cert_file=${certificate}`, "-c", `ssl_key_file=${key}`);
    }
    return [PROGRAM ?? "", args];
  },
  urlAt: (port) => `postgres://tester:secret@127.0.0.1:${port}/postgres`,
  async query(url, sql) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    client.on("error", () => {});
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  },
};
