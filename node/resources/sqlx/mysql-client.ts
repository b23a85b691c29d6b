import { connect } from "node:net";
import type { Duplex } from "node:stream";
import type { Connection as CoreConnection } from "mysql2";
import type { Connection, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import type { Clock } from "../../../core/clock.js";
import { EdgelessError, reasonOf } from "../../../core/errors.js";
import { LATE, withDeadline } from "../../../platform/deadline.js";
import { guardData } from "../guard-data.js";
import type { DatabaseServer } from "./database-url.js";
import {
  CONNECT_TIMEOUT_MS,
  CREATE_TABLE,
  type SqlClient,
  type SqlClientOptions,
  type SqlResult,
} from "./sql-client.js";
import { type SqlStatement, withQuestionMarks } from "./sql-statement.js";

/** Errors of a server that cannot store: disk full, out of memory, table full, deadlock of space. */
const CANNOT_STORE = ["ER_DISK_FULL", "ER_OUTOFMEMORY", "ER_OUT_OF_RESOURCES", "ER_RECORD_FILE_FULL"];
/** Errors that end the connection although the server states them. */
const SERVER_ENDS = ["ER_SERVER_SHUTDOWN", "ER_NEW_ABORTING_CONNECTION", "ER_ABORTING_CONNECTION"];

/**
 * Connects to a MySQL or MariaDB server and makes the table.
 * @throws EdgelessError EDGELESS_UNREACHABLE
 */
export async function openMysql(
  server: DatabaseServer,
  options: SqlClientOptions & { readonly clock: Clock },
): Promise<SqlClient> {
  // Loaded when first needed: most nodes never are.
  const { createConnection } = await import("mysql2");
  const { host, port, user, password, database, tls } = server;
  const connection = createConnection({
    ...{ host, port, user, password, database },
    ...(tls === "none" ? {} : { ssl: { rejectUnauthorized: tls === "verified" } }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    jsonStrings: true,
    dateStrings: true,
    rowsAsArray: true,
    multipleStatements: false,
    stream: () => {
      const socket = connect({ host, port, noDelay: true, keepAlive: true });
      guardData(socket);
      return socket;
    },
  });
  endOutOfOrder(connection);
  try {
    await new Promise<void>((resolve, reject) => {
      connection.once("connect", () => resolve());
      connection.once("error", reject);
    });
    connection.on("error", options.onLost);
    const client = connection.promise();
    await client.query({ sql: CREATE_TABLE.mysql, timeout: options.statementTimeoutMs });
    return new MysqlClient(client, options.statementTimeoutMs, options.clock);
  } catch (error) {
    connection.on("error", () => {});
    connection.destroy();
    throw new EdgelessError("EDGELESS_UNREACHABLE", `MySQL: ${reasonOf(error)}`, error);
  }
}

/** What the driver's connections are made of, which its types leave out. */
interface PacketReader {
  readonly sequenceId: number;
  readonly stream: Duplex;
  handlePacket(packet?: { readonly sequenceId: number }): void;
}

/** Ends a connection whose packets come out of order, where the driver would write to the console and go on. */
function endOutOfOrder(connection: CoreConnection): void {
  // Every connection of the driver reads its packets so.
  const reader = connection as CoreConnection & PacketReader;
  const handlePacket = reader.handlePacket.bind(reader);
  reader.handlePacket = (packet) => {
    if (packet !== undefined && packet.sequenceId !== reader.sequenceId)
      reader.stream.destroy(new Error("the packets are out of order"));
    else handlePacket(packet);
  };
}

class MysqlClient implements SqlClient {
  readonly #connection: Connection;
  readonly #timeoutMs: number;
  readonly #clock: Clock;

  constructor(connection: Connection, timeoutMs: number, clock: Clock) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  async run(statement: SqlStatement, workflowId: string): Promise<SqlResult> {
    // The driver's own limit leaves out the preparation of the statement.
    const outcome = await withDeadline(this.#clock, this.#timeoutMs, this.#run(statement, workflowId));
    if (outcome !== LATE) return outcome;
    throw new EdgelessError("EDGELESS_TIMEOUT", `MySQL: no answer in ${this.#timeoutMs} ms`);
  }

  async #run(statement: SqlStatement, workflowId: string): Promise<SqlResult> {
    const sql = withQuestionMarks(statement);
    const values = statement.placeholders.map(() => workflowId);
    try {
      if (statement.kind === "read") {
        const [rows] = await this.#connection.execute<RowDataPacket[][]>({ sql, values });
        return { type: "row", row: rows[0] };
      }
      const [{ affectedRows, insertId }] = await this.#connection.execute<ResultSetHeader>({ sql, values });
      return { type: "written", affected: affectedRows ?? 0, lastId: insertId ?? 0 };
    } catch (error) {
      return refusalOf(error);
    } finally {
      this.#connection.unprepare(sql);
    }
  }

  async close(): Promise<void> {
    this.#connection.removeAllListeners("error");
    this.#connection.on("error", () => {});
    this.#connection.destroy();
  }
}

function refusalOf(error: unknown): SqlResult {
  const { code, sqlState } = errorFields(error);
  if (sqlState === undefined || SERVER_ENDS.includes(code))
    throw new EdgelessError("EDGELESS_UNREACHABLE", `MySQL: ${reasonOf(error)}`, error);
  if (CANNOT_STORE.includes(code))
    throw new EdgelessError("EDGELESS_REJECTED", `MySQL: ${reasonOf(error)}`, error);
  return { type: "refused", reason: `error returned from database: ${reasonOf(error)}` };
}

function errorFields(error: unknown): { code: string; sqlState: string | undefined } {
  if (!(error instanceof Error)) return { code: "", sqlState: undefined };
  const code = "code" in error ? String(error.code) : "";
  const state = "sqlState" in error ? error.sqlState : undefined;
  return { code, sqlState: typeof state === "string" && state !== "" ? state : undefined };
}
