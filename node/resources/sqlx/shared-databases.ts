import type { Clock } from "../../../core/clock.js";
import type { Logger } from "../../../core/log.js";
import type { Random } from "../../../core/random.js";
import { isConnectionLost } from "../is-connection-lost.js";
import { LastingConnection } from "../lasting-connection.js";
import { type DatabasePlace, formatServer } from "./database-url.js";
import { openMysql } from "./mysql-client.js";
import { openPostgres } from "./postgres-client.js";
import { CONNECT_TIMEOUT_MS, type SqlClient, STATEMENT_TIMEOUT_MS } from "./sql-client.js";
import { SqliteClient } from "./sqlite-client.js";

/** What {@link SharedDatabases} works with. */
export interface SharedDatabasesParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Longest run of one statement, milliseconds; 10 s by default. */
  readonly statementTimeoutMs?: number;
  /** How long statements wait for an interrupted connection to a server, milliseconds; 5 s by default. */
  readonly patienceMs?: number;
}

/** A connection that somebody uses. */
export interface UsedDatabase {
  readonly connection: LastingConnection<SqlClient>;
  /** Gives it back; it ends when nobody uses it any more. */
  release(): Promise<void>;
}

const PATIENCE_MS = 5_000;
/** How long statements wait for a process of SQLite, which only a busy machine delays, milliseconds. */
const SQLITE_PATIENCE_MS = 20_000;

/** The connections of one provider: one per SQLite file, and one per instance to servers. */
export class SharedDatabases {
  readonly #parts: SharedDatabasesParts;
  readonly #files = new Map<string, { connection: LastingConnection<SqlClient>; users: number }>();

  constructor(parts: SharedDatabasesParts) {
    this.#parts = parts;
  }

  /** Gives access to a database; nothing is opened before the first statement. */
  use(database: DatabasePlace, logger: Logger): UsedDatabase {
    if (database.dialect !== "sqlite") {
      const connection = this.#connect(database, logger);
      return { connection, release: () => connection.close() };
    }
    const file = this.#files.get(database.path) ?? { connection: this.#connect(database, logger), users: 0 };
    file.users++;
    this.#files.set(database.path, file);
    const release = async () => {
      if (--file.users > 0) return;
      this.#files.delete(database.path);
      await file.connection.close();
    };
    return { connection: file.connection, release };
  }

  #connect(database: DatabasePlace, logger: Logger): LastingConnection<SqlClient> {
    const { clock, statementTimeoutMs = STATEMENT_TIMEOUT_MS, patienceMs = PATIENCE_MS } = this.#parts;
    const isFile = database.dialect === "sqlite";
    const lasting: LastingConnection<SqlClient> = new LastingConnection<SqlClient>({
      ...this.#parts,
      logger,
      peer: isFile
        ? `SQLite file ${database.path}`
        : `${database.dialect} at ${formatServer(database.server)}`,
      patienceMs: isFile ? SQLITE_PATIENCE_MS : patienceMs,
      openTimeoutMs: isFile ? SQLITE_PATIENCE_MS : 2 * CONNECT_TIMEOUT_MS,
      open: async () => {
        let client: SqlClient | undefined;
        const onLost = (error: unknown) => {
          if (client !== undefined) lasting.lose(client, error);
        };
        const options = { clock, statementTimeoutMs, onLost };
        if (isFile) client = await SqliteClient.open(database.path, options);
        else if (database.dialect === "postgres") client = await openPostgres(database.server, options);
        else client = await openMysql(database.server, options);
        return client;
      },
      close: (client) => client.close(),
      isLost: isConnectionLost,
    });
    return lasting;
  }
}
