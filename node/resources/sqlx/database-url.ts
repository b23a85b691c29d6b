import { lstatSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { EdgelessError } from "../../../core/errors.js";
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

/** The path of a file that is, links followed, below the folder. */
function sqliteFile(rest: string, folder: string): string {
  const [name = ""] = rest.replace(/^\/\//, "").split("?");
  if (name === "" || name === ":memory:") throw bad("url names no file: write sqlite://NAME.db");
  if (name.includes("\0")) throw bad("url names a file with a zero byte");
  const top = realpathOf(folder, folder);
  const path = resolve(top, name);
  const real = join(realpathOf(dirname(path), name), basename(path));
  const isWithin = real.startsWith(top === sep ? sep : `${top}${sep}`);
  if (!isWithin) throw bad(`the file "${name}" is outside of the folder for SQLite files`);
  const found = lstatSync(real, { throwIfNoEntry: false });
  if (found !== undefined && !found.isFile()) throw bad(`"${name}" is no ordinary file`);
  return real;
}

function realpathOf(folder: string, name: string): string {
  try {
    return realpathSync(folder);
  } catch {
    throw bad(`the folder of "${name}" does not exist`);
  }
}

function bad(reason: string): EdgelessError {
  return new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", reason);
}
