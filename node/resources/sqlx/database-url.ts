import { EdgelessError } from "../../../core/errors.js";
import { pathWithin } from "../path-within.js";
import type { SqlDialect } from "./sql-statement.js";

/** How a connection to a server is protected: not at all, encrypted, or encrypted to a server whose certificate is checked. */
export type DatabaseTls = "none" | "encrypted" | "verified";

/** A database at a server, and who uses it. */
export interface DatabaseServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly tls: DatabaseTls;
}

/** Which database an instance uses. */
export type DatabasePlace =
  | { readonly dialect: "sqlite"; readonly path: string }
  | { readonly dialect: Exclude<SqlDialect, "sqlite">; readonly server: DatabaseServer };

const SCHEMES: Readonly<Record<string, SqlDialect>> = {
  sqlite: "sqlite",
  postgres: "postgres",
  postgresql: "postgres",
  mysql: "mysql",
  mariadb: "mysql",
};
const PORTS = { postgres: 5432, mysql: 3306 };
const TLS: Readonly<Record<string, DatabaseTls>> = {
  disable: "none",
  require: "encrypted",
  "verify-full": "verified",
};
/** A name or an address: a path would be that of a socket on the machine of the node. */
const HOST = /^[A-Za-z0-9._:-]+$/;

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
  if (dialect === "sqlite") return { dialect, path: sqliteFile(rest, folder) };
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const server = parsed === undefined ? undefined : readServer(parsed, PORTS[dialect]);
  if (server === undefined) throw bad(`url is no ${scheme}://user:password@host:port/database`);
  return { dialect, server };
}

/** The server as log lines and errors name it. */
export function formatServer({ host, port, database }: DatabaseServer): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}/${database}`;
}

function readServer(url: URL, defaultPort: number): DatabaseServer | undefined {
  const [host, user, password, database] = [
    url.hostname.replace(/^\[(.*)\]$/, "$1"),
    url.username,
    url.password,
    url.pathname.slice(1),
  ].map(decode);
  if (host === undefined || user === undefined || password === undefined || database === undefined)
    return undefined;
  if (!HOST.test(host) || url.hash !== "") return undefined;
  const port = url.port === "" ? defaultPort : Number(url.port);
  return { host, port, user, password, database, tls: readTls(url.searchParams) };
}

/** The drivers know many more options, some of which name files of the node or write to its console. */
function readTls(options: URLSearchParams): DatabaseTls {
  const others = [...options.keys()].find((key) => key !== "sslmode");
  if (others !== undefined) throw bad(`url has the option ${others.slice(0, 40)}, but only sslmode is known`);
  const mode = options.get("sslmode") ?? "disable";
  const tls = Object.hasOwn(TLS, mode) ? TLS[mode] : undefined;
  if (tls === undefined) throw bad(`sslmode must be one of ${Object.keys(TLS).join(", ")}`);
  return tls;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function sqliteFile(rest: string, folder: string): string {
  const [name = ""] = rest.replace(/^\/\//, "").split("?");
  if (name === "" || name === ":memory:") throw bad("url names no file: write sqlite://NAME.db");
  return pathWithin(folder, name, "SQLite files");
}

function bad(reason: string): EdgelessError {
  return new EdgelessError("EDGELESS_BAD_RESOURCE_CONFIG", reason);
}
