import { EdgelessError } from "../../../core/errors.js";
import { pathWithin } from "../path-within.js";
import type { SqlDialect } from "./sql-statement.js";

/** Which database an instance uses: the path of a file, or the URL of a server with its password. */
export interface DatabasePlace {
  readonly dialect: SqlDialect;
  readonly place: string;
}

const SCHEMES: Readonly<Record<string, SqlDialect>> = {
  sqlite: "sqlite",
  postgres: "postgres",
  postgresql: "postgres",
  mysql: "mysql",
  mariadb: "mysql",
};

/**
 * Reads the `url` of an instance. Nothing is opened.
 * @param folder where SQLite files are, and must stay
 * @throws EdgelessError EDGELESS_BAD_RESOURCE_CONFIG; its text holds no password
 */
export function readDatabaseUrl(url: string, folder: string): DatabasePlace {
  const [, scheme = "", rest = ""] = /^([a-z]+):([\s\S]*)$/.exec(url) ?? [];
  const dialect = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined;
  if (dialect === undefined)
    throw bad(`url must begin with one of ${Object.keys(SCHEMES).join(", ")}, followed by ://`);
  if (dialect === "sqlite") return { dialect, place: sqliteFile(rest, folder) };
  const host = URL.canParse(url) ? new URL(url).hostname : "";
  if (host === "") throw bad(`url is no ${scheme}://user:password@host:port/database`);
  return { dialect, place: url };
}

function sqliteFile(rest: string, folder: string): string {
  const [name = ""] = rest.replace(/^\/\//, "").split("?");
  if (name === "" || name === ":memory:") throw bad("url names no file: write sqlite://NAME.db");
  return pathWithin(folder, name, "SQLite files");
}

function bad(reason: string): EdgelessError {
  return new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", reason);
}
