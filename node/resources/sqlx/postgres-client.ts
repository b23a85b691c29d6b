import type pg from "pg";
import { EdgelessError, reasonOf } from "../../../core/errors.js";
import { guardData } from "../guard-data.js";
import type { DatabaseServer } from "./database-url.js";
import {
  CONNECT_TIMEOUT_MS,
  CREATE_TABLE,
  type SqlClient,
  type SqlClientOptions,
  type SqlResult,
} from "./sql-client.js";
import type { SqlStatement } from "./sql-statement.js";

/** SQLSTATE classes that tell of the server: connection, resources, operator intervention, system. */
const SERVER_TROUBLE = ["08", "53", "57", "58"];
/** The server has ended the statement because of its time limit. */
const CANCELLED = "57014";

/** Values come as the texts that the server sends. */
const AS_TEXT = { getTypeParser: () => (value: unknown) => value };

/**
 * Connects to a PostgreSQL server and makes the table.
 * @throws EdgelessError EDGELESS_UNREACHABLE, EDGELESS_REJECTED
 */
export async function openPostgres(server: DatabaseServer, options: SqlClientOptions): Promise<SqlClient> {
  // Loaded when first needed: most nodes never are.
  const { default: postgres } = await import("pg");
  const client = new postgres.Client({
    host: server.host,
    port: server.port,
    user: server.user,
    // As a text that is empty, it would be looked for in files of the node.
    password: () => server.password,
    database: server.database,
    ssl: server.tls === "none" ? false : { rejectUnauthorized: server.tls === "verified" },
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: options.statementTimeoutMs + 1_000,
    statement_timeout: options.statementTimeoutMs,
    keepAlive: true,
    types: AS_TEXT,
  });
  client.on("error", options.onLost);
  const { connection } = client;
  guardData(connection.stream);
  connection.on("sslconnect", () => guardData(connection.stream));
  const opened = new PostgresClient(client);
  try {
    await client.connect();
    await client.query(CREATE_TABLE.postgres);
  } catch (error) {
    await opened.close();
    throw new EdgelessError("EDGELESS_UNREACHABLE", `PostgreSQL: ${reasonOf(error)}`, error);
  }
  return opened;
}

class PostgresClient implements SqlClient {
  readonly #client: pg.Client;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  async run({ kind, text, placeholders }: SqlStatement, workflowId: string): Promise<SqlResult> {
    const values = placeholders.length > 0 ? [workflowId] : [];
    try {
      // The extended protocol takes one statement only.
      const query = { text, values, rowMode: "array" as const, queryMode: "extended" };
      const { rows, rowCount } = await this.#client.query<unknown[]>(query);
      return kind === "read"
        ? { type: "row", row: rows[0] }
        : { type: "written", affected: rowCount ?? 0, lastId: 0 };
    } catch (error) {
      return refusalOf(error);
    }
  }

  /** Ends the connection at once: a polite end would wait for a server that is gone. */
  async close(): Promise<void> {
    this.#client.removeAllListeners("error");
    this.#client.on("error", () => {});
    this.#client.end().catch(() => {});
    this.#client.connection.stream.destroy();
  }
}

/** Only what the server says has a severity; the driver's own errors have other codes. */
function sqlStateOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("severity" in error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

function refusalOf(error: unknown): SqlResult {
  const code = sqlStateOf(error);
  if (code === CANCELLED) throw new EdgelessError("EDGELESS_TIMEOUT", reasonOf(error), error);
  if (code === undefined || code.startsWith("08") || code.startsWith("57"))
    throw new EdgelessError("EDGELESS_UNREACHABLE", `PostgreSQL: ${reasonOf(error)}`, error);
  if (SERVER_TROUBLE.includes(code.slice(0, 2)))
    throw new EdgelessError("EDGELESS_REJECTED", `PostgreSQL: ${reasonOf(error)}`, error);
  return { type: "refused", reason: `error returned from database: ${reasonOf(error)}` };
}
