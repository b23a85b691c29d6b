import { readFileSync } from "node:fs";
import { parse } from "smol-toml";
import { EdgelessError, reasonOf } from "../core/errors.js";

/** Certificates of a server, as PEM text. */
export interface ServerTls {
  /** Own certificate, with its chain. */
  readonly certificate: string;
  /** Private key of the certificate. */
  readonly key: string;
  /** If present, clients must show a certificate that it signed. */
  readonly clientCa?: string;
}

/** Certificates of a client, as PEM text. */
export interface ClientTls {
  /** What signed the certificates of the servers. */
  readonly serverCa: string;
  /** Name that the certificates of all servers carry; the host in the URL does not count. */
  readonly serverName: string;
  /** Own certificate, for servers that ask for one. */
  readonly identity?: { readonly certificate: string; readonly key: string };
}

/** What a process uses for its servers and its clients; absent: plaintext. */
export interface Tls {
  readonly server?: ServerTls;
  readonly client?: ClientTls;
}

/** Name of the file that every process looks for in its working directory. */
export const TLS_CONFIG_FILE = "tls_config.toml";

const DEFAULT_SERVER_NAME = "www.example.com";

/**
 * Reads `tls_config.toml` and the PEM files it names. A missing file means plaintext.
 * Without a table `[client]` the keys for clients are looked for in `[server]`, without both at the top level.
 * @throws EdgelessError EDGELESS_BAD_CONFIG naming the key, EDGELESS_FILE_UNREADABLE
 */
export function readTls(path: string = TLS_CONFIG_FILE): Tls {
  const text = readConfig(path);
  if (text === undefined) return {};
  const root = parseTable(text, path);
  const server = root.server === undefined ? undefined : tableOf(root.server, path, "server");
  const client = root.client === undefined ? (server ?? root) : tableOf(root.client, path, "client");
  const serverTls = server && readServer(new Keys(server, path));
  const clientTls = readClient(new Keys(client, path));
  return { ...(serverTls && { server: serverTls }), ...(clientTls && { client: clientTls }) };
}

type Table = Readonly<Record<string, unknown>>;

function readConfig(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new EdgelessError("EDGELESS_FILE_UNREADABLE", `cannot read ${path}: ${reasonOf(error)}`, error);
  }
}

function parseTable(text: string, path: string): Table {
  try {
    return parse(text);
  } catch (error) {
    throw new EdgelessError("EDGELESS_BAD_CONFIG", `${path} is not TOML: ${reasonOf(error)}`, error);
  }
}

function tableOf(value: unknown, path: string, name: string): Table {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Table;
  throw new EdgelessError("EDGELESS_BAD_CONFIG", `${path}: ${name} is not a table`);
}

function readServer(keys: Keys): ServerTls | undefined {
  const certificate = keys.pem("server_cert_path");
  const key = keys.pem("server_key_path");
  const clientCa = keys.pem("server_ca_path");
  if (certificate === undefined && key === undefined && clientCa === undefined) return undefined;
  if (certificate === undefined) throw keys.missing("server_cert_path");
  if (key === undefined) throw keys.missing("server_key_path");
  return { certificate, key, ...(clientCa !== undefined && { clientCa }) };
}

function readClient(keys: Keys): ClientTls | undefined {
  if (keys.text("tpm_handle") !== undefined) {
    throw new EdgelessError(
      "EDGELESS_BAD_CONFIG",
      `${keys.path}: tpm_handle is not supported; put the key into a file and name it with client_key_path`,
    );
  }
  const serverCa = keys.pem("client_ca_path");
  const certificate = keys.pem("client_cert_path");
  const key = keys.pem("client_key_path");
  const serverName = keys.text("domain_name") ?? DEFAULT_SERVER_NAME;
  if (serverCa === undefined && certificate === undefined && key === undefined) return undefined;
  if (serverCa === undefined) throw keys.missing("client_ca_path");
  if (certificate === undefined && key === undefined) return { serverCa, serverName };
  if (certificate === undefined) throw keys.missing("client_cert_path");
  if (key === undefined) throw keys.missing("client_key_path");
  return { serverCa, serverName, identity: { certificate, key } };
}

/** The keys of one table. */
class Keys {
  readonly path: string;
  readonly #table: Table;

  constructor(table: Table, path: string) {
    this.#table = table;
    this.path = path;
  }

  text(key: string): string | undefined {
    const value = this.#table[key];
    if (value === undefined) return undefined;
    if (typeof value !== "string" || value === "") {
      throw new EdgelessError(
        "EDGELESS_BAD_CONFIG",
        `${this.path}: ${key} must be a text that is not empty; comment it out to leave it unset`,
      );
    }
    return value;
  }

  /** The content of the file that the key names. */
  pem(key: string): string | undefined {
    const file = this.text(key);
    if (file === undefined) return undefined;
    try {
      return readFileSync(file, "utf8");
    } catch (error) {
      throw new EdgelessError(
        "EDGELESS_FILE_UNREADABLE",
        `${this.path}: cannot read the file of ${key}: ${reasonOf(error)}`,
        error,
      );
    }
  }

  missing(key: string): EdgelessError {
    return new EdgelessError("EDGELESS_BAD_CONFIG", `${this.path}: ${key} is missing beside the other keys`);
  }
}
